from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from benchmarks._report import medians, report


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
        "target": 2.0,
        "holds": True,
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
    report(name="a", unit="ms", ours=ours, peer=peer, target=target, conditions={})
    assert _line(capsys)["holds"] is holds


def test_measures_take_turns_and_the_first_turn_does_not_count() -> None:
    turns: list[str] = []

    def measure(name: str, results: list[float]) -> Callable[[], float]:
        def measured() -> float:
            turns.append(name)
            return results.pop(0)

        return measured

    ours, peer = medians(3, measure("a", [99, 1, 3, 2]), measure("b", [0, 10, 30, 20]))
    assert (ours, peer) == (2, 20)
    assert turns == ["a", "b", "b", "a"] * 2  # nobody always comes first
