from __future__ import annotations

import json
from pathlib import Path

import pytest

from tools.ci import __main__ as ci
from tools.ci import budget
from tools.ci.budget import Budget
from tools.ci.running import Outcome
from tools.ci.stages import END, STAGES

BUDGET = Budget({"test": 100.0, "e2e": 600.0}, unit_s=0.2)


@pytest.mark.parametrize(
    ("seconds", "unit_s", "late"),
    [
        (150.0, 0.2, False),
        (151.0, 0.2, True),
        (151.0, 0.1, True),  # a faster machine has no less time
        (300.0, 0.4, False),  # one of half the speed has twice as much
        (301.0, 0.4, True),
    ],
)
def test_half_as_long_again_is_too_long(seconds: float, unit_s: float, late: bool) -> None:
    outcomes = [Outcome("test", 0, seconds), Outcome("e2e", 0, 1.0)]
    assert BUDGET.too_slow(outcomes, unit_s) == (["test"] if late else [])


def test_a_stage_that_was_skipped_is_not_slow() -> None:
    assert Budget({"test": 0.0}, 1.0).too_slow([Outcome("test", None)], 1.0) == []


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (Outcome("test", 0, 10.0), 0),
        (Outcome("test", 0, 1000.0), 1),
        (Outcome("test", 2, 10.0), 1),
        (Outcome("test", None), 0),
    ],
)
def test_the_run_fails_when_a_stage_failed_or_was_too_slow(outcome: Outcome, status: int) -> None:
    assert ci.verdict([outcome], BUDGET, 0.2) == status


def test_the_table_names_what_was_too_slow(capsys: pytest.CaptureFixture[str]) -> None:
    ci.verdict([Outcome("test", 0, 200.0), Outcome("e2e", 1, 3.0)], BUDGET, 0.2)
    assert capsys.readouterr().out.splitlines() == [
        "stage          seconds   limit",
        "test               200     150  TOO SLOW: see .ci/budget.json",
        "e2e                  3     900  FAILED",
    ]


@pytest.mark.parametrize("cold", [True, False])
def test_each_stage_has_a_budget_and_nothing_else_has(cold: bool) -> None:
    assert set(budget.read(budget.FILE, cold).seconds) == {stage.name for stage in (*STAGES, END)}


def test_a_cold_cache_has_a_budget_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "budget.json"
    stages = {"programs": {"cold": 600, "warm": 10}}
    file.write_text(json.dumps({"unit_seconds": 0.2, "stages": stages}))
    assert budget.read(file, cold=True) == Budget({"programs": 600}, 0.2)
    assert budget.read(file, cold=False) == Budget({"programs": 10}, 0.2)
