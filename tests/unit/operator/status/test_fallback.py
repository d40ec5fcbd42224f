from __future__ import annotations

from typing import Any

from matinee_operator.observe.pod_trouble import Trouble
from matinee_operator.status import degraded_status
from tests.unit.operator.making import NOW

BUG = Trouble("InternalError", "a bug in the operator: KeyError: 'x'")
READY = {"type": "Ready", "status": "True", "reason": "AsDesired"}
EARLIER = "2026-11-25T11:00:00Z"


def told(*conditions: dict[str, Any]) -> Any:
    raw = {
        "metadata": {"generation": 3},
        "status": {"replicas": 2, "conditions": list(conditions)},
    }
    return degraded_status(raw, BUG, NOW)


def test_what_was_known_stays_and_the_trouble_is_added() -> None:
    fine = {"type": "Degraded", "status": "False", "lastTransitionTime": EARLIER}
    found = told(fine, READY)
    assert found["replicas"] == 2
    ready, degraded = found["conditions"]
    assert ready == READY
    assert degraded == {
        "type": "Degraded",
        "status": "True",
        "observedGeneration": 3,
        "lastTransitionTime": "2026-11-25T12:00:00Z",
        "reason": "InternalError",
        "message": BUG.message,
    }


def test_it_holds_since_it_began() -> None:
    before = {"type": "Degraded", "status": "True", "lastTransitionTime": EARLIER}
    assert told(before)["conditions"][0]["lastTransitionTime"] == EARLIER


def test_an_object_without_a_status_gets_one() -> None:
    (condition,) = degraded_status({"metadata": {}}, BUG, NOW)["conditions"]
    assert condition["reason"] == "InternalError"
