from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matinee.generation import (
    Pcm,
    cut_sound,
    joined_sound,
    samples_before,
    samples_of,
    sound_of_frames,
)


def sound(first_frame: int, frames: int, rate: int = 44_100, fps: int = 24) -> Pcm:
    """Each sample tells its place within the segment."""
    start = samples_before(first_frame, rate, fps)
    places = np.arange(start, start + samples_of(first_frame, frames, rate, fps), dtype=np.float32)
    return Pcm(np.stack([places, -places], axis=1), rate)


@pytest.mark.parametrize(
    ("frame", "rate", "fps", "expected"),
    [(0, 48_000, 24, 0), (3, 48_000, 24, 6000), (1, 44_100, 24, 1837), (2, 44_100, 24, 3675)],
)
def test_a_frame_begins_at_its_sample(frame: int, rate: int, fps: int, expected: int) -> None:
    assert samples_before(frame, rate, fps) == expected


@given(st.integers(0, 1000), st.integers(1, 60), st.integers(1, 120), st.integers(8000, 48_000))
def test_frames_side_by_side_have_every_sample_once(
    first: int, frames: int, fps: int, rate: int
) -> None:
    lengths = [samples_of(first + index, 1, rate, fps) for index in range(frames)]
    assert sum(lengths) == samples_of(first, frames, rate, fps)


@given(st.integers(0, 500), st.integers(1, 40), st.data())
def test_sound_that_is_cut_anywhere_is_the_same_when_joined(
    first: int, frames: int, data: st.DataObject
) -> None:
    whole = sound(first, frames)
    at = data.draw(st.integers(0, frames))
    head, rest = cut_sound(whole, first, at, 24)
    assert head is not None
    assert rest is not None
    assert len(head.samples) == samples_of(first, at, 44_100, 24)
    joined = joined_sound([head, rest])
    assert joined is not None
    assert np.array_equal(joined.samples, whole.samples)


def test_each_frame_has_its_own_samples_wherever_the_sound_was_cut() -> None:
    alone = sound_of_frames(sound(0, 9), 0, 9, 24)
    _, rest = cut_sound(sound(0, 9), 0, 4, 24)
    for expected, samples in zip(alone[4:], sound_of_frames(rest, 4, 5, 24), strict=True):
        assert np.array_equal(expected, samples)  # type: ignore[arg-type]


def test_a_model_without_sound_has_none_of_any_frame() -> None:
    assert cut_sound(None, 0, 3, 24) == (None, None)
    assert sound_of_frames(None, 0, 2, 24) == [None, None]
    assert joined_sound([]) is None
