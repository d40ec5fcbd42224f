"""The bundled model through the engine: trained weights, real prompts."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt
import pytest
import torch

from matinee.engine.engine import Engine
from matinee.engine.families import Run
from matinee.generation import SegmentRequest, with_defaults
from matinee_api.config.runtime_config import EngineConfig, GeneratorConfig


@pytest.fixture(scope="module")
def tiny() -> Engine:
    return Engine.load(
        GeneratorConfig(model_path="builtin:tiny", engine=EngineConfig(device="cpu", cpu_threads=1))
    )


def request(tiny: Engine, prompt: str) -> SegmentRequest:
    return with_defaults(tiny.info.defaults, prompt, seed=7)


def finish(run: Run) -> npt.NDArray[np.uint8]:
    chunks = []
    while not run.finished:
        chunks.append(run.next_chunk(lambda _progress: None).frames)
    return torch.cat(chunks).numpy()


def test_it_is_small_and_square(tiny: Engine) -> None:
    info = tiny.info
    assert (info.model_id, info.family) == ("tiny", "ltx")
    assert (info.spatial_factor, info.temporal_factor) == (32, 4)
    assert (info.defaults.width, info.defaults.height, info.defaults.fps) == (64, 64, 8)
    assert info.overlap_frames < info.chunk_frames == info.defaults.num_frames == 17


@pytest.mark.parametrize(("background", "rgb"), [("blue", (0, 0, 255)), ("white", (255, 255, 255))])
def test_the_background_has_the_colour_of_the_prompt(
    tiny: Engine, background: str, rgb: tuple[int, int, int]
) -> None:
    prompt = f"a red ball moving left on a {background} background"
    frames = finish(tiny.begin(request(tiny, prompt)))
    shown = np.median(frames.reshape(-1, 3), axis=0)
    assert np.abs(shown - rgb).max() < 90


def test_a_continuation_has_no_seam(tiny: Engine) -> None:
    asked = request(tiny, "a red ball moving left on a blue background")
    first = tiny.begin(asked)
    before = finish(first)
    after = finish(tiny.begin(asked, first.state()))
    joined = np.concatenate([before, after]).astype(np.float64)
    changes = np.abs(np.diff(joined, axis=0)).mean((1, 2, 3))
    assert changes[len(before) - 1] < 2.5 * np.median(changes)


def test_a_segment_is_the_same_beside_three_others(tiny: Engine) -> None:
    """Two chunks each, taking turns at chunk edges."""
    requests = [
        dataclasses.replace(
            request(tiny, f"a {colour} ball moving up on a white background"),
            num_frames=25,
            num_inference_steps=1,
            guidance_scale=1.0,
        )
        for colour in ("red", "blue", "green", "black")
    ]
    alone = finish(tiny.begin(requests[0]))
    runs = [tiny.begin(each) for each in requests]
    turns = [[run.next_chunk(lambda _progress: None).frames for run in runs] for _ in range(2)]
    assert np.array_equal(alone, torch.cat([turn[0] for turn in turns]).numpy())
