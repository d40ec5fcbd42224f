from __future__ import annotations

import pytest

from matinee_api.kinds.meta import Condition
from matinee_operator.actions import RecordEvent
from matinee_operator.status.transitions import transitions


def says(kind: str, status: str, reason: str = "R", message: str = "m") -> Condition:
    return Condition.model_validate(
        {
            "type": kind,
            "status": status,
            "observedGeneration": 1,
            "lastTransitionTime": "2026-11-25T12:00:00Z",
            "reason": reason,
            "message": message,
        }
    )


CASES: dict[str, tuple[list[Condition], list[Condition], list[RecordEvent]]] = {
    "it becomes ready": (
        [says("Ready", "False")],
        [says("Ready", "True")],
        [RecordEvent("Normal", "Ready", "m")],
    ),
    "it is ready from the start": (
        [],
        [says("Ready", "True")],
        [RecordEvent("Normal", "Ready", "m")],
    ),
    "it stays ready": ([says("Ready", "True")], [says("Ready", "True", message="n")], []),
    "it is not ready any more": ([says("Ready", "True")], [says("Ready", "False")], []),
    "something is wrong": (
        [],
        [says("Degraded", "True", "NoSpace")],
        [RecordEvent("Warning", "NoSpace", "m")],
    ),
    "something else is wrong": (
        [says("Degraded", "True", "NoSpace")],
        [says("Degraded", "True", "Other")],
        [RecordEvent("Warning", "Other", "m")],
    ),
    "nothing is wrong any more": (
        [says("Degraded", "True")],
        [says("Degraded", "False")],
        [RecordEvent("Normal", "Recovered", "nothing is wrong any more")],
    ),
    "nothing was ever wrong": ([], [says("Degraded", "False")], []),
    "what nobody asks about": ([], [says("Progressing", "True")], []),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_told(case: str) -> None:
    before, after, expected = CASES[case]
    assert list(transitions(before, after)) == expected
