from __future__ import annotations

import dataclasses

import pytest

from matinee.generation import SegmentRequest
from matinee.worker.quarantine import REFUSED_FOR_S, REMEMBERED, Quarantine
from tests.unit.runtime.worker.making import segment

DEADLY = segment("deadly", frames=33, steps=8).request


def like(**values: object) -> SegmentRequest:
    return dataclasses.replace(DEADLY, **values)  # type: ignore[arg-type]


def quarantine() -> Quarantine:
    known = Quarantine()
    assert known.died(DEADLY, 0.0, surely=True)
    return known


@pytest.mark.parametrize(
    ("request_", "refused"),
    {
        "the same one": (DEADLY, True),
        "with another seed": (like(seed=99), True),
        "as large, with another prompt": (like(prompt="harmless"), True),
        "larger": (like(prompt="harmless", width=64), True),
        "longer": (like(prompt="harmless", num_frames=65), True),
        "with guidance, which takes twice the passes": (like(guidance_scale=3.0), True),
        "fewer frames": (like(num_frames=17), False),
        "fewer steps, more frames": (like(num_inference_steps=7, num_frames=65), False),
    }.values(),
)
def test_what_killed_a_worker_is_refused_and_what_is_no_smaller(
    request_: SegmentRequest, refused: bool
) -> None:
    assert (quarantine().refusal(request_, 1.0) is not None) is refused


def test_a_size_that_was_made_stays_open_to_all_but_the_very_request() -> None:
    known = quarantine()
    known.made(like(prompt="harmless", num_frames=65))
    assert known.refusal(like(prompt="another"), 1.0) is None
    assert known.refusal(DEADLY, 1.0) is not None


def test_longer_segments_are_more_windows_of_the_same_size() -> None:
    known = Quarantine()
    known.window_frames = 17
    known.died(like(num_frames=17), 0.0, surely=True)
    assert known.refusal(like(prompt="another", num_frames=257), 1.0) is not None
    known.made(like(prompt="another", num_frames=33))
    assert known.refusal(like(prompt="another", num_frames=257), 1.0) is None


def test_a_refusal_ends() -> None:
    known = quarantine()
    assert known.refusal(DEADLY, REFUSED_FOR_S - 1) is not None
    assert known.refusal(DEADLY, REFUSED_FOR_S) is None


def test_of_deaths_from_outside_the_second_counts_at_a_size_that_was_never_made() -> None:
    known = Quarantine()
    assert not known.died(DEADLY, 0.0, surely=False)
    assert known.refusal(DEADLY, 0.0) is None
    assert not known.died(like(num_frames=17), 0.0, surely=False)  # a smaller one
    assert known.died(like(prompt="another"), 1.0, surely=False)
    assert known.refusal(DEADLY, 1.0) is not None


def test_at_a_size_that_was_made_deaths_from_outside_say_nothing() -> None:
    known = Quarantine()
    known.made(DEADLY)
    assert not any(known.died(DEADLY, float(second), surely=False) for second in range(9))


def test_deaths_from_outside_are_forgotten_too() -> None:
    known = Quarantine()
    assert not known.died(DEADLY, 0.0, surely=False)
    assert not known.died(DEADLY, REFUSED_FOR_S, surely=False)


def test_what_is_remembered_is_bounded() -> None:
    known = Quarantine()
    for number in range(REMEMBERED + 9):
        shape = {"num_frames": 8 * number + 1, "num_inference_steps": 1000 - number}
        known.died(like(**shape), 0.0, surely=number % 2 == 0)
        known.made(like(**shape))
    assert len(known._deadly) <= REMEMBERED
    assert len(known._doubtful) <= REMEMBERED
    assert len(known._made) == REMEMBERED
