from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from benchmarks._report import Figure, chance_of_so_few, report, take_turns


def _line(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    line: dict[str, object] = json.loads(capsys.readouterr().out)
    return line


def test_a_result_is_one_line_with_the_machine_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    report(name="a", unit="ms", ours=1.23456, target=2.0, conditions={"frames": 24})
    line = _line(capsys)
    conditions = line.pop("conditions")
    assert line == {
        "name": "a",
        "unit": "ms",
        "ours": 1.235,
        "peer": None,
        "ratio": None,
        "range": [1.235, 1.235],
        "target": 2.0,
        "holds": True,
        "turns": 1,
        "turns_held": 1,
    }
    assert isinstance(conditions, dict)
    assert conditions.keys() == {"cpu", "cores", "load_1min", "python", "frames"}


@pytest.mark.parametrize(
    ("ours", "peer", "target", "holds"),
    [
        (2.0, None, 2.0, True),
        (2.1, None, 2.0, False),
        (30.0, 100.0, 0.33, True),
        (34.0, 100.0, 0.33, False),
    ],
)
def test_with_a_peer_the_target_bounds_the_ratio(
    capsys: pytest.CaptureFixture[str], ours: float, peer: float | None, target: float, holds: bool
) -> None:
    beside = None if peer is None else Figure((peer,))
    report(name="a", unit="ms", ours=Figure((ours,)), peer=beside, target=target, conditions={})
    assert _line(capsys)["holds"] is holds


def test_the_ratio_is_taken_within_each_turn_and_told_with_its_range(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The machine was ten times as slow in the second turn, and that changes nothing."""
    ours, floor = Figure((2.0, 30.0, 4.0)), Figure((1.0, 10.0, 1.0))
    report(name="a", unit="ms", ours=ours, peer=floor, target=2.0, conditions={})
    line = _line(capsys)
    assert (line["ours"], line["peer"], line["ratio"]) == (4.0, 1.0, 3.0)
    assert (line["range"], line["turns"], line["turns_held"]) == ([2.0, 4.0], 3, 1)


@pytest.mark.parametrize(("held", "turns", "chance"), [(0, 5, 1 / 32), (1, 5, 6 / 32), (5, 5, 1)])
def test_few_turns_that_meet_a_target_are_hardly_chance(
    held: int, turns: int, chance: float
) -> None:
    assert chance_of_so_few(held, turns) == chance


def test_measures_take_turns_and_the_first_turn_does_not_count() -> None:
    turns: list[str] = []

    def measure(name: str, results: list[float]) -> Callable[[], float]:
        def measured() -> float:
            turns.append(name)
            return results.pop(0)

        return measured

    ours, peer = take_turns(3, measure("a", [99, 1, 3, 2]), measure("b", [0, 10, 30, 20]))
    assert (ours.median, peer.median) == (2, 20)
    assert turns == ["a", "b", "b", "a"] * 2  # nobody always comes first
