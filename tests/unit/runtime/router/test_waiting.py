from __future__ import annotations

import pytest

from matinee.router.waiting import ColdStarts, Playing, eta_s, segment_s


def test_a_segment_takes_as_long_as_those_that_play_take() -> None:
    assert segment_s([]) is None
    assert segment_s([Playing(10.0, 0)]) is None
    assert segment_s([Playing(30.0, 3), Playing(10.0, 1), Playing(99.0, 0)]) == 10.0


@pytest.mark.parametrize(
    ("what", "position", "playing", "capacity", "mean_s", "eta"),
    [
        ("nothing is known", 0, [Playing(5.0, 0)], 1, None, None),
        ("there are no slots", 0, [], 0, 60.0, None),
        ("by how long sessions last", 0, [Playing(20.0, 2)], 1, 60.0, 40.0),
        ("the next one after that", 1, [Playing(20.0, 2)], 1, 60.0, 100.0),
        ("who ends first", 0, [Playing(10.0, 1), Playing(50.0, 5)], 2, 60.0, 10.0),
        ("and who ends then", 1, [Playing(10.0, 1), Playing(50.0, 5)], 2, 60.0, 50.0),
        ("longer than others", 0, [Playing(90.0, 9)], 1, 60.0, 0.0),
        ("segments to the cap", 0, [Playing(20.0, 2, 6)], 1, None, 40.0),
        ("no longer than the cap", 0, [Playing(20.0, 2, 3)], 1, 600.0, 10.0),
        ("the other one as long", 1, [Playing(20.0, 2, 6), Playing(1.0, 0)], 2, None, 59.0),
        ("others' sessions end evenly", 0, [], 2, 60.0, 20.0),
        ("and so the second", 1, [], 2, 60.0, 40.0),
    ],
)
def test_how_long_somebody_will_be_queued(
    what: str,
    position: int,
    playing: list[Playing],
    capacity: int,
    mean_s: float | None,
    eta: float | None,
) -> None:
    assert eta_s(position, playing, capacity, mean_s) == eta, what


def test_a_cold_start_takes_as_long_as_the_last_ones() -> None:
    starts = ColdStarts()
    assert not starts.end(1.0), "nobody waited"
    starts.begin(10.0)
    assert starts.eta_s(11.0) is None, "the first one"
    starts.begin(12.0)
    assert starts.end(40.0)
    assert starts.mean_s == 30.0
    starts.begin(100.0)
    assert starts.eta_s(110.0) == 20.0
    assert starts.eta_s(131.0) is None, "it takes longer than it did"
    assert starts.end(150.0)
    assert starts.mean_s == 40.0
    starts.begin(200.0)
    starts.give_up()
    assert not starts.end(900.0)
