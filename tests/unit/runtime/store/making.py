from __future__ import annotations

import numpy as np

from matinee.generation import State
from matinee.state.last_frames import LastFrames


def state_of(mark: int = 0, frames: int = 1) -> State:
    """Told apart by `segment_index`; 48 bytes a frame."""
    pixels = np.full((frames, 4, 4, 3), mark % 256, np.uint8)
    return LastFrames(pixels, segment_index=mark, seed=7, prompts=("a ball",)).to_state("ltx.v1")


class Clock:
    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now
