"""The worker's backend over the synthetic family; see `matinee.worker.backend`. No torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace

from matinee.generation import RgbFrames, SegmentRequest, State, check_request
from matinee.media.i420 import I420Picture
from matinee.mock.run import MockRun
from matinee.mock.settings import Fault, MockSettings
from matinee.state.codec import check_state
from matinee_api.config.runtime_config import GeneratorConfig

__all__ = ["MockEngine", "load", "recover", "rgb_to_i420"]


def load(generator: GeneratorConfig) -> MockEngine:
    return MockEngine(MockSettings.model_validate_json(generator.model_path))


def rgb_to_i420(frames: RgbFrames, out: Sequence[I420Picture]) -> None:
    for frame, picture in zip(frames, out, strict=True):
        picture[:] = (
            av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), "rgb24")
            .reformat(
                format="yuv420p",
                dst_colorspace=Colorspace.ITU709,
                dst_color_range=ColorRange.MPEG,
            )
            .to_ndarray()
        )


def recover(_error: Exception) -> bool:
    return True


class MockEngine:
    """See `EngineLike`. Its faults are counted over all that it is asked for."""

    def __init__(self, settings: MockSettings) -> None:
        self.info = settings.info()
        self._settings = settings
        self._begun = 0

    def begin(self, request: SegmentRequest, state: State | None = None) -> MockRun:
        check_request(self.info, request, begins=state is None)
        if state is not None:
            check_state(self.info, state, request)
        self._begun += 1
        return MockRun(self._settings, request, state, self._fault())

    def characters_read(self, prompt: str) -> int:
        return len(prompt)

    def trial_opening(self) -> None:
        """A prompt is enough."""

    def on_part_done(self, _tell: Callable[[], None]) -> None:
        """A step is over before anybody would ask."""

    def _fault(self) -> Fault | None:
        """Of every other segment, so that clients also meet what comes after it."""
        faults = self._settings.faults
        if not faults or self._begun % 2:
            return None
        return faults[(self._begun // 2 - 1) % len(faults)]
