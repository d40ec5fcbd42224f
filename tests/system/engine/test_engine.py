from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers.pipelines.ltx import pipeline_ltx_condition
from PIL import Image

from matinee.engine.engine import Engine
from matinee.engine.families import Run
from matinee.engine.families.ltx import shifted_timesteps
from matinee.engine.windows import noise_seed
from matinee.errors import GenerationCancelled, InvalidRequest, InvalidState
from matinee.generation import State, StepProgress
from matinee.state.last_frames import MAX_PROMPTS, LastFrames
from tests.unit.runtime import models

untyped: Any = pipeline_ltx_condition
REQUEST = models.request(guidance_scale=3.0)


def ignore(_progress: StepProgress) -> None:
    pass


def finish(run: Run) -> torch.Tensor:
    chunks = []
    while not run.finished:
        chunks.append(run.next_chunk(ignore).frames)
    return torch.cat(chunks)


def frames(count: int, width: int = 64, height: int = 64) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (count, height, width, 3), np.uint8)


def state(count: int, **values: Any) -> State:
    return LastFrames(**{"frames": frames(count), **values}).to_state("ltx.v1")


def bare_clip(folder: Path, conditions: list[Any] | None, seed: int) -> np.ndarray:
    """What diffusers makes without us."""
    pipeline = untyped.LTXConditionPipeline.from_pretrained(folder)
    pipeline.set_progress_bar_config(disable=True)
    pictures = pipeline(
        prompt=REQUEST.prompt,
        conditions=conditions,
        width=64,
        height=64,
        num_frames=17,
        frame_rate=8,
        num_inference_steps=2,
        timesteps=shifted_timesteps(2, 3.0),
        guidance_scale=3.0,
        image_cond_noise_scale=0.0,
        generator=torch.Generator().manual_seed(seed),
        max_sequence_length=16,
    ).frames[0]
    return np.stack([np.asarray(picture) for picture in pictures])


def test_the_first_chunk_is_the_bare_pipelines_clip(engine: Engine, model_folder: Path) -> None:
    made = finish(engine.begin(REQUEST))
    assert made.dtype == torch.uint8
    assert np.array_equal(bare_clip(model_folder, None, 7), made.numpy())


def test_a_continuation_is_the_bare_pipelines_clip_after_the_overlap(
    engine: Engine, model_folder: Path
) -> None:
    before = state(12, segment_index=3)
    made = (
        engine.begin(dataclasses.replace(REQUEST, num_frames=9), before).next_chunk(ignore).frames
    )
    pictures = [Image.fromarray(frame) for frame in LastFrames.of(before).frames[-9:]]
    condition = untyped.LTXVideoCondition(video=pictures, frame_index=0, strength=1.0)
    expected = bare_clip(model_folder, [condition], noise_seed(7, 3, 0))
    assert np.array_equal(expected[9:], made.numpy())


def test_a_long_segment_gives_its_frames_chunk_by_chunk(engine: Engine) -> None:
    run = engine.begin(dataclasses.replace(REQUEST, num_frames=33))
    assert run.total_steps == 3 * 2
    counts = []
    while not run.finished:
        counts.append(len(run.next_chunk(ignore).frames))
    assert counts == [17, 8, 8]


def test_an_initial_image_is_the_first_frame_shown(engine: Engine) -> None:
    run = engine.begin(REQUEST, state(1))
    assert len(finish(run)) == 17


def test_a_continuation_adds_one_frame_less(engine: Engine) -> None:
    assert len(finish(engine.begin(REQUEST, state(9)))) == 16


def test_the_state_holds_the_last_frames_shown(engine: Engine) -> None:
    run = engine.begin(REQUEST)
    made = finish(run)
    after = run.state()
    assert np.array_equal(made[-9:].numpy(), after.tensors["frames"])
    assert after.kind == "ltx.v1"
    assert after.facts == {"segment_index": 1, "seed": 7, "prompts": ["a red ball"]}


def test_the_state_of_a_short_segment_holds_all_its_frames(engine: Engine) -> None:
    run = engine.begin(dataclasses.replace(REQUEST, num_frames=5))
    finish(run)
    assert len(run.state().tensors["frames"]) == 5


def test_the_state_forgets_the_oldest_prompts(engine: Engine) -> None:
    old = tuple(str(number) for number in range(MAX_PROMPTS))
    run = engine.begin(dataclasses.replace(REQUEST, num_frames=5), state(5, prompts=old))
    finish(run)
    assert run.state().facts["prompts"] == [*old[1:], "a red ball"]


def test_a_segment_without_a_chunk_has_no_state(engine: Engine) -> None:
    with pytest.raises(RuntimeError, match="no chunk"):
        engine.begin(REQUEST).state()


def test_the_state_of_an_unfinished_segment_is_that_of_its_chunks_so_far(engine: Engine) -> None:
    two_chunks = engine.begin(dataclasses.replace(REQUEST, num_frames=25))
    shown = two_chunks.next_chunk(ignore).frames
    assert not two_chunks.finished
    assert np.array_equal(two_chunks.state().tensors["frames"], shown[-9:].numpy())


def test_steps_are_counted_over_the_whole_segment(engine: Engine) -> None:
    seen: list[StepProgress] = []
    run = engine.begin(dataclasses.replace(REQUEST, num_frames=25))
    while not run.finished:
        run.next_chunk(seen.append)
    assert seen == [StepProgress(step, 4) for step in (1, 2, 3, 4)]


@pytest.mark.parametrize("at_step", [1, 2])
def test_a_cancel_ends_the_chunk_before_it_is_decoded(
    engine: Engine, at_step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cancel(progress: StepProgress) -> None:
        if progress.step == at_step:
            raise GenerationCancelled(progress.step)

    run = engine.begin(REQUEST)
    vae = engine._family._pipeline.vae  # type: ignore[attr-defined]
    monkeypatch.setattr(vae, "decode", lambda *_, **__: pytest.fail("decoded after a cancel"))
    with pytest.raises(GenerationCancelled) as caught:
        run.next_chunk(cancel)
    assert caught.value.steps_done == at_step


def test_a_cancelled_chunk_can_be_made_again(engine: Engine) -> None:
    def cancel(progress: StepProgress) -> None:
        raise GenerationCancelled(progress.step)

    run = engine.begin(REQUEST)
    with pytest.raises(GenerationCancelled):
        run.next_chunk(cancel)
    assert torch.equal(finish(engine.begin(REQUEST)), finish(run))


def test_four_interleaved_segments_are_those_made_alone(engine: Engine) -> None:
    requests = [
        dataclasses.replace(REQUEST, prompt=f"a {word} ball", num_frames=25, num_inference_steps=n)
        for n, word in enumerate(("red", "blue", "green", "black"), start=1)
    ]
    alone = [finish(engine.begin(request)) for request in requests]
    runs = [engine.begin(request) for request in requests]
    firsts = [run.next_chunk(ignore).frames for run in runs]
    seconds = [run.next_chunk(ignore).frames for run in reversed(runs)][::-1]
    for expected, first, second in zip(alone, firsts, seconds, strict=True):
        assert torch.equal(expected, torch.cat([first, second]))


def test_other_seeds_and_segments_have_other_noise() -> None:
    numbers = {
        noise_seed(seed, segment, chunk)
        for seed in (0, 7)
        for segment in (0, 1)
        for chunk in (0, 1)
    }
    assert len(numbers) == 8
    assert noise_seed(7, 0, 0) == 7
    assert all(0 <= number < 2**63 for number in numbers)


def test_noise_seeds_are_the_same_on_every_machine() -> None:
    assert noise_seed(7, 1, 2) == 5131819315702240109


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"width": 65}, "width must be a multiple of 32, got 65; nearest: 64 or 96"),
        ({"num_frames": 16}, "num_frames must be 4 x k . 1, got 16; nearest: 13 or 17"),
    ],
)
def test_a_bad_request_names_the_nearest_valid_values(
    engine: Engine, values: dict[str, int], message: str
) -> None:
    with pytest.raises(InvalidRequest, match=message):
        engine.begin(dataclasses.replace(REQUEST, **values))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (
            dataclasses.replace(state(9), kind="wan.v1"),
            "of kind 'wan.v1'; this model takes 'ltx.v1'",
        ),
        (state(9, frames=frames(9, width=32)), "are 32x64, but 64x64"),
        (state(9, frames=frames(9).astype(np.float32)), "must be uint8"),
        (state(9, frames=frames(9)[..., :1]), "must be uint8 of shape"),
        (state(9, frames=frames(9)[:0]), "must be uint8 of shape"),
        (state(9, segment_index=-1), "facts.segment_index: expected at least 0"),
    ],
)
def test_a_state_that_does_not_fit_is_refused(engine: Engine, bad: State, message: str) -> None:
    with pytest.raises(InvalidState, match=message):
        engine.begin(REQUEST, bad)
