from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from matinee.errors import InvalidState
from matinee.generation import State
from matinee.state.codec import (
    check_state,
    codec_of,
    known_frames,
    state_of_image,
    state_to_wire,
    summary_of,
)
from matinee.state.last_frames import LastFrames
from tests.unit.runtime import models

INFO = models.info({"height": 32})
SIZE = INFO.defaults
FRAMES = np.zeros((9, 32, 64, 3), np.uint8)
STATE = LastFrames(FRAMES, segment_index=2, seed=7).to_state("ltx.v1")


def test_an_unknown_kind_or_version_is_refused_by_name() -> None:
    with pytest.raises(InvalidState, match=r"unknown kind 'ltx.v9'; known: .*, ltx.v1"):
        codec_of("ltx.v9")
    with pytest.raises(InvalidState, match=r"unknown kind 'ltx.v9'"):
        state_to_wire(dataclasses.replace(STATE, kind="ltx.v9"))


def test_a_state_tells_its_size_and_how_many_frames_are_known() -> None:
    told = summary_of(STATE)
    assert (told.width, told.height, told.known_frames) == (64, 32, 9)
    assert (told.segment_index, told.seed) == (2, 7)
    assert (known_frames(STATE), known_frames(None)) == (9, 0)


def test_an_image_is_one_known_frame() -> None:
    state = state_of_image(INFO, FRAMES[0])
    assert (state.kind, known_frames(state)) == ("ltx.v1", 1)


def test_a_state_takes_up_what_its_tensors_do() -> None:
    assert STATE.nbytes == FRAMES.nbytes
    assert State("any", {}).nbytes == 0


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (dataclasses.replace(STATE, kind="wan.v1"), "of kind 'wan.v1'; this model takes 'ltx.v1'"),
        (LastFrames(FRAMES[:, :, :32]).to_state("ltx.v1"), "are 32x32, but 64x32 is asked for"),
        (dataclasses.replace(STATE, tensors={}), "frames must be uint8 of shape"),
        (dataclasses.replace(STATE, tensors={"latents": FRAMES}), "frames must be uint8 of shape"),
        (dataclasses.replace(STATE, facts={}), "facts.segment_index: required"),
    ],
)
def test_a_state_that_the_model_cannot_take_is_refused(bad: State, message: str) -> None:
    with pytest.raises(InvalidState, match=message):
        check_state(INFO, bad, SIZE)
