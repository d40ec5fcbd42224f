from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from matinee.errors import BadInput
from matinee.session.record import SessionRecord
from matinee.session.record_checks import check_record
from tests.unit.runtime.session.making import INFO, Viewer, state_of


def record() -> SessionRecord:
    viewer = Viewer(state_of())
    viewer.prompt("one")
    viewer.prompt("two")
    return viewer.session.record(viewer.now)


def test_what_a_session_wrote_fits_together() -> None:
    check_record(record(), INFO)


def wider_encoder(good: SessionRecord) -> SessionRecord:
    encoder = dataclasses.replace(good.encoder, width=10**6)
    return good.model_copy(update={"encoder": encoder})


def longer_prompt(good: SessionRecord) -> SessionRecord:
    (waiting,) = good.prompts.waiting
    request = dataclasses.replace(waiting.request, num_frames=10**9 + 1)
    waits = (waiting.model_copy(update={"request": request}),)
    return good.model_copy(update={"prompts": good.prompts.model_copy(update={"waiting": waits})})


def running_at_another_size(good: SessionRecord) -> SessionRecord:
    assert good.turns.prepared is not None
    request = dataclasses.replace(good.turns.prepared.request, width=64)
    prepared = dataclasses.replace(good.turns.prepared, request=request)
    return good.model_copy(update={"turns": good.turns.model_copy(update={"prepared": prepared})})


def before_the_start(good: SessionRecord) -> SessionRecord:
    shown = dataclasses.replace(good.turns.shown, first_frame=-1)
    return good.model_copy(update={"turns": good.turns.model_copy(update={"shown": shown})})


def another_state(good: SessionRecord) -> SessionRecord:
    return good.model_copy(update={"state": state_of(width=64)})


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (wider_encoder, "differ in their size"),
        (longer_prompt, "num_frames must be"),
        (running_at_another_size, "differ in their size"),
        (before_the_start, "below 0"),
        (another_state, "frames are 64x32"),
    ],
)
def test_what_does_not_fit_is_told(
    spoil: Callable[[SessionRecord], SessionRecord], problem: str
) -> None:
    with pytest.raises(BadInput, match=problem):
        check_record(spoil(record()), INFO)
