"""What every engine family must do. A test module of a family gives the fixture `case`:

    class TestTone(conformance.Conformance):
        @pytest.fixture
        def case(self) -> Case: ...

The engine, the worker, sessions and stores rely on each of these sentences.
"""

from __future__ import annotations

import dataclasses
import gc
import json
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest
import torch

from matinee.engine.engine import Engine
from matinee.engine.families import Run
from matinee.errors import GenerationCancelled, InvalidRequest, InvalidState
from matinee.generation import (
    Adapter,
    Chunk,
    ModelInfo,
    SegmentRequest,
    State,
    StepProgress,
    count_steps,
    samples_of,
    with_defaults,
)
from matinee.mock.backend import MockEngine
from matinee.mock.run import MockRun
from matinee.state.codec import known_frames, state_to_wire, summary_of
from matinee.wire.long_json import parts_of
from tests.unit.runtime.state.unpacking import state_from_wire


@dataclass(frozen=True)
class Case:
    """A loaded model and a prompt that it takes."""

    engine: Engine | MockEngine
    prompt: str
    opening: State | None = None
    """What a video begins with: of models that need an image."""
    segments: int = 25
    """That it makes to show that nothing grows."""

    @property
    def info(self) -> ModelInfo:
        return self.engine.info

    def request(self, *, seed: int = 7, chunks: int = 2, steps: int = 2) -> SegmentRequest:
        """Of so many chunks, if it begins the video. Few steps: this is no beauty test."""
        info = self.info
        frames = info.chunk_frames + (chunks - 1) * (info.chunk_frames - info.overlap_frames)
        return with_defaults(
            info.defaults, self.prompt, seed, num_frames=frames, num_inference_steps=steps
        )

    def begin(self, request: SegmentRequest, state: State | None = None) -> Run | MockRun:
        return self.engine.begin(request, state or self.opening)

    def first_segment(self) -> State:
        run = self.begin(self.request(chunks=1, steps=1))
        made(run)
        return run.state()


def ignore(_progress: StepProgress) -> None:
    pass


def made(run: Run | MockRun, on_step: Callable[[StepProgress], None] = ignore) -> list[Chunk]:
    chunks: list[Chunk] = []
    make(run, on_step, chunks)
    return chunks


def make(run: Run | MockRun, on_step: Callable[[StepProgress], None], chunks: list[Chunk]) -> None:
    while not run.finished:
        chunks.append(run.next_chunk(on_step))


def pixels_of(chunk: Chunk) -> npt.NDArray[np.uint8]:
    """Of a tensor on any device, or of what is an array already."""
    frames = chunk.frames
    array: npt.NDArray[np.uint8] = (
        frames if isinstance(frames, np.ndarray) else frames.cpu().numpy()
    )
    return array


def content(chunk: Chunk) -> tuple[bytes, bytes]:
    """Every bit of it."""
    sound = chunk.audio.samples.tobytes() if chunk.audio else b""
    return pixels_of(chunk).tobytes(), sound


def contents(chunks: list[Chunk]) -> list[tuple[bytes, bytes]]:
    return [content(chunk) for chunk in chunks]


def same_state(one: State, other: State) -> bool:
    """Kind, facts, and every bit, shape and type of the tensors."""

    def bits(state: State) -> dict[str, tuple[str, tuple[int, ...], bytes]]:
        return {
            name: (str(tensor.dtype), tensor.shape, tensor.tobytes())
            for name, tensor in state.tensors.items()
        }

    return (one.kind, one.facts, bits(one)) == (other.kind, other.facts, bits(other))


def over_the_wire(state: State) -> State:
    sent = json.loads(b"".join(parts_of(state_to_wire(state))))
    return state_from_wire(sent["kind"], sent["payload"])


class Conformance:
    @pytest.fixture
    def state(self, case: Case) -> State:
        return case.first_segment()

    # Chunks

    def test_the_same_request_makes_the_same_bits(self, case: Case) -> None:
        first, second = (made(case.begin(case.request())) for _ in range(2))
        assert contents(first) == contents(second)

    def test_the_same_state_goes_on_with_the_same_bits(self, case: Case, state: State) -> None:
        request = case.request(chunks=1)
        first, second = (made(case.begin(request, state)) for _ in range(2))
        assert contents(first) == contents(second)

    def test_another_seed_makes_another_video(self, case: Case) -> None:
        first, second = (made(case.begin(case.request(seed=seed, chunks=1))) for seed in (1, 2))
        assert contents(first) != contents(second)

    def test_frames_are_as_asked_for_and_sound_lasts_as_long(
        self, case: Case, state: State
    ) -> None:
        request = case.request()
        for begins_with, expected in ((None, request.num_frames), (state, request.num_frames - 1)):
            chunks = made(case.begin(request, begins_with))
            check_form(case.info, request, chunks)
            assert sum(len(chunk.frames) for chunk in chunks) == expected

    def test_a_bad_request_is_refused_before_anything_is_computed(self, case: Case) -> None:
        request = case.request()
        for bad in (
            {"width": case.info.spatial_factor + 1},
            {"num_frames": case.info.chunk_frames + 1},
            {"adapters": (Adapter("any"),)},
        ):
            with pytest.raises(InvalidRequest) as caught:
                case.begin(dataclasses.replace(request, **bad))
            assert caught.value.param in bad

    # Steps

    def test_each_step_is_reported_once_over_the_whole_segment(
        self, case: Case, state: State
    ) -> None:
        for begins_with in (None, state):
            seen: list[StepProgress] = []
            run = case.begin(case.request(), begins_with)
            made(run, seen.append)
            assert [progress.step for progress in seen] == list(range(1, run.total_steps + 1))
            assert {progress.total_steps for progress in seen} == {run.total_steps}

    def test_a_prompt_that_fits_is_read_whole(self, case: Case) -> None:
        prompt = case.request().prompt
        assert case.engine.characters_read(prompt) == len(prompt)
        cut = case.engine.characters_read("a ball " * 5000)
        assert (cut == 35_000) is (case.info.prompt_tokens is None)

    def test_the_number_of_steps_is_known_without_the_model(self, case: Case, state: State) -> None:
        for begins_with in (None, state):
            run = case.begin(case.request(), begins_with)
            known = known_frames(begins_with or case.opening)
            assert run.total_steps == count_steps(case.info, case.request(), known)

    # Runs beside each other, and chunks that were not made

    def test_runs_that_take_turns_make_what_they_make_alone(self, case: Case, state: State) -> None:
        requests = [case.request(seed=seed) for seed in (1, 2)]
        higher = case.info.defaults.height + case.info.spatial_factor
        if case.opening is None:
            requests.append(dataclasses.replace(case.request(chunks=1), height=higher))
        begins = [*((request, None) for request in requests), (requests[0], state)]
        alone = [contents(made(case.begin(*begin))) for begin in begins]
        runs = [case.begin(*begin) for begin in begins]
        turns: list[list[Chunk]] = [[] for _ in runs]
        while not all(run.finished for run in runs):
            for run, chunks in reversed(list(zip(runs, turns, strict=True))):
                if not run.finished:
                    chunks.append(run.next_chunk(ignore))
        assert alone == [contents(chunks) for chunks in turns]

    @pytest.mark.parametrize("at_step", [1, 4])
    def test_a_chunk_that_was_cancelled_or_failed_can_be_made_again(
        self, case: Case, at_step: int
    ) -> None:
        def cancel(progress: StepProgress) -> None:
            if progress.step == at_step:
                raise GenerationCancelled(progress.step)

        alone = contents(made(case.begin(case.request())))
        run = case.begin(case.request())
        chunks: list[Chunk] = []
        with pytest.raises(GenerationCancelled):
            make(run, cancel, chunks)
        assert alone == contents(chunks + made(run))

    def test_an_abandoned_run_leaves_nothing_behind(self, case: Case) -> None:
        alone = contents(made(case.begin(case.request(seed=1))))
        case.begin(case.request(seed=2)).next_chunk(ignore)
        case.begin(case.request(seed=3))
        assert alone == contents(made(case.begin(case.request(seed=1))))

    def test_many_segments_leave_nothing_behind(self, case: Case) -> None:
        state: State | None = None
        counts = []
        for number in range(case.segments):
            run = case.begin(case.request(seed=number, chunks=1, steps=1), state)
            made(run)
            state = run.state()
            if number in (case.segments // 5 - 1, case.segments - 1):
                del run
                gc.collect()
                counts.append(
                    sum(issubclass(type(each), torch.Tensor) for each in gc.get_objects())
                )
        assert counts[0] == counts[1]

    # States

    def test_a_state_survives_the_wire_bit_for_bit(self, case: Case, state: State) -> None:
        assert state.kind == case.info.state_kind
        assert same_state(state, over_the_wire(state))

    def test_a_video_goes_on_from_a_sent_state_as_from_the_one_in_memory(
        self, case: Case, state: State
    ) -> None:
        request = case.request(seed=9)
        runs = [case.begin(request, each) for each in (state, over_the_wire(state))]
        assert contents(made(runs[0])) == contents(made(runs[1]))
        assert same_state(runs[0].state(), runs[1].state())

    def test_a_state_tells_its_size_seed_and_number(self, case: Case, state: State) -> None:
        defaults = case.info.defaults
        told = summary_of(state)
        assert (told.width, told.height) == (defaults.width, defaults.height)
        assert (told.segment_index, told.seed) == (1, 7)
        second = case.begin(case.request(seed=9, chunks=1, steps=1), state)
        made(second)
        assert summary_of(second.state()).segment_index == 2

    def test_a_state_is_there_after_each_chunk_and_not_before(self, case: Case) -> None:
        run = case.begin(case.request())
        with pytest.raises(RuntimeError, match="no chunk"):
            run.state()
        while run.next_chunk(ignore).more:
            pass
        early = run.state()
        whole = case.begin(case.request(chunks=1))
        made(whole)
        assert same_state(early, whole.state())
        kept = over_the_wire(early)
        made(run)
        assert same_state(kept, early)  # what follows writes into no state

    def test_a_state_that_does_not_fit_is_refused_with_a_sentence(
        self, case: Case, state: State
    ) -> None:
        name, tensor = next(iter(state.tensors.items()))
        bad = {
            "another kind": dataclasses.replace(state, kind="another.v1"),
            "no tensors": dataclasses.replace(state, tensors={}),
            "another type": dataclasses.replace(state, tensors={name: tensor.astype(np.int16)}),
            "another shape": dataclasses.replace(state, tensors={name: tensor[None]}),
            "no facts": dataclasses.replace(state, facts={}),
            "a fact too many": dataclasses.replace(state, facts={**state.facts, "more": 1}),
            "a negative number": dataclasses.replace(
                state, facts={**state.facts, "segment_index": -1}
            ),
        }
        for what, each in bad.items():
            with pytest.raises(InvalidState) as caught:
                case.begin(case.request(), each)
            assert len(str(caught.value)) > 10, what
        wider = dataclasses.replace(
            case.request(), width=case.request().width + case.info.spatial_factor
        )
        with pytest.raises(InvalidState, match=f"{wider.width}x{wider.height} is asked"):
            case.begin(wider, state)


def check_form(info: ModelInfo, request: SegmentRequest, chunks: list[Chunk]) -> None:
    """Shapes and types of what was made, and that sound and frames last equally long."""
    first = 0
    for chunk in chunks:
        count = len(chunk.frames)
        assert tuple(chunk.frames.shape) == (count, request.height, request.width, 3)
        assert pixels_of(chunk).dtype == np.uint8
        assert (chunk.audio is None) == (info.audio is None)
        if chunk.audio and info.audio:
            assert chunk.audio.rate == info.audio.rate
            length = samples_of(first, count, info.audio.rate, request.fps)
            assert chunk.audio.samples.shape == (length, info.audio.channels)
            assert chunk.audio.samples.dtype == np.float32
            assert np.abs(chunk.audio.samples).max() <= 1
        first += count
