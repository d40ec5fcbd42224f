"""The conformance suite is no decoration: each of these families breaks one rule, and is caught."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from matinee.engine.engine import Engine
from matinee.generation import Chunk, Pcm, SegmentRequest, State, StepProgress
from matinee.state import codec
from tests.system.engine.conformance import Case, Conformance
from tests.system.engine.families.tone import KIND, ToneCodec, ToneFamily, ToneRun

OnStep = Callable[[StepProgress], None]


class Ageing(ToneRun):
    """Each run begins where the last one of the process stood."""

    age = 0

    def __init__(self, request: SegmentRequest, state: State | None) -> None:
        super().__init__(request, state)
        Ageing.age += 1
        self._frames_before += Ageing.age


class Sharing(ToneRun):
    """All runs have one phase between them."""

    _phase = 0.0

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "_phase" and value:
            Sharing._phase = value
        elif name != "_phase":
            super().__setattr__(name, value)


class Seedless(ToneRun):
    def __init__(self, request: SegmentRequest, state: State | None) -> None:
        super().__init__(dataclasses.replace(request, seed=7), state)


class Hasty(ToneRun):
    """Counts a chunk as made before it is."""

    def next_chunk(self, on_step: OnStep) -> Chunk:
        before = self._frames
        self._frames_before += 1
        try:
            return super().next_chunk(on_step)
        finally:
            self._frames_before -= self._frames > before


class Forgetful(ToneRun):
    """Counts the steps of each chunk from 1."""

    def next_chunk(self, on_step: OnStep) -> Chunk:
        steps = self._request.num_inference_steps
        return super().next_chunk(
            lambda done: on_step(StepProgress((done.step - 1) % steps + 1, self.total_steps))
        )


class Short(ToneRun):
    """Its sound is a sample too short."""

    def next_chunk(self, on_step: OnStep) -> Chunk:
        chunk = super().next_chunk(on_step)
        assert chunk.audio is not None
        return Chunk(chunk.frames, Pcm(chunk.audio.samples[:-1], chunk.audio.rate))


class Reusing(ToneRun):
    """Writes into the state that it gave away."""

    _left: np.ndarray | None = None

    def state(self) -> State:
        state = super().state()
        if self._left is None:
            self._left = np.array(state.tensors["phase"])
        self._left[:] = state.tensors["phase"]
        return dataclasses.replace(state, tensors={"phase": self._left})

    def next_chunk(self, on_step: OnStep) -> Chunk:
        chunk = super().next_chunk(on_step)
        if self._left is not None:
            self._left[:] = 0.123
        return chunk


class Trusting(ToneRun):
    """Takes any state of its kind."""

    def __init__(self, request: SegmentRequest, state: State | None) -> None:
        try:
            super().__init__(request, state)
        except Exception:  # noqa: BLE001
            super().__init__(request, None)


class Rounding(ToneCodec):
    """Sends half of the phase's bits."""

    def to_payload(self, state: State) -> dict[str, Any]:
        rounded = state.tensors["phase"].astype(np.float32).astype(np.float64) % 1.0
        return ToneCodec.to_payload(self, dataclasses.replace(state, tensors={"phase": rounded}))


def case_of(run: type[ToneRun]) -> Case:
    class Family(ToneFamily):
        def begin(self, request: SegmentRequest, state: State | None) -> ToneRun:
            return run(request, state)

    return Case(Engine(Family()), "331 Hz")


@pytest.mark.parametrize(
    ("run", "rule"),
    [
        (Ageing, "test_the_same_request_makes_the_same_bits"),
        (Ageing, "test_an_abandoned_run_leaves_nothing_behind"),
        (Sharing, "test_runs_that_take_turns_make_what_they_make_alone"),
        (Seedless, "test_another_seed_makes_another_video"),
        (Forgetful, "test_each_step_is_reported_once_over_the_whole_segment"),
        (Short, "test_frames_are_as_asked_for_and_sound_lasts_as_long"),
        (Reusing, "test_a_state_is_there_after_each_chunk_and_not_before"),
        (Trusting, "test_a_state_that_does_not_fit_is_refused_with_a_sentence"),
    ],
)
def test_a_family_that_breaks_a_rule_is_caught(
    run: type[ToneRun], rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(codec.CODECS, KIND, ToneCodec())
    case = case_of(run)
    check = getattr(Conformance(), rule)
    needs_state = "state" in check.__code__.co_varnames[: check.__code__.co_argcount]
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        check(case, case.first_segment()) if needs_state else check(case)


def test_a_family_that_counts_a_chunk_too_early_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(codec.CODECS, KIND, ToneCodec())
    with pytest.raises(AssertionError):
        Conformance().test_a_chunk_that_was_cancelled_or_failed_can_be_made_again(
            case_of(Hasty), at_step=1
        )


def test_a_codec_that_rounds_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(codec.CODECS, KIND, Rounding())
    case = case_of(ToneRun)
    with pytest.raises(AssertionError):
        Conformance().test_a_state_survives_the_wire_bit_for_bit(case, case.first_segment())
