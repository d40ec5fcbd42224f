from __future__ import annotations

from typing import Any

import pytest

from matinee_operator.desired import budgets
from tests.unit.operator.making import service

BUDGETS: dict[str, tuple[dict[str, Any], int, tuple[int, int]]] = {
    "numbers are taken as they are": ({"maxSurge": 3, "maxUnavailable": 2}, 10, (3, 2)),
    "what may be more is rounded up": ({"maxSurge": "25%"}, 10, (3, 0)),
    "what may be missing is rounded down": (
        {"maxSurge": 0, "maxUnavailable": "25%"},
        10,
        (0, 2),
    ),
    "one pod may be missing where both come to none": (
        {"maxSurge": 0, "maxUnavailable": "25%"},
        3,
        (0, 1),
    ),
    "a share of no pods": ({"maxSurge": "50%"}, 0, (0, 1)),
    "all of them": ({"maxSurge": "100%", "maxUnavailable": "100%"}, 7, (7, 7)),
}


@pytest.mark.parametrize("case", BUDGETS)
def test_budgets_of_a_rollout(case: str) -> None:
    rollout, replicas, expected = BUDGETS[case]
    assert budgets(service(rollout=rollout).spec.rollout, replicas) == expected
