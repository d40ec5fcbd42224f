from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from matinee_operator.objects import Key
from matinee_operator.status import StatusPace
from tests.unit.operator.making import NOW

LIVE = Key("StreamingService", "demo", "live")


def status(sessions: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "sessions": {"active": sessions, "queued": 0, "capacity": 4},
        "pods": [{"name": "a", "state": "Serving", "sessions": sessions}],
        "conditions": [
            {"type": "Draining", "status": "True", "message": f"{sessions} sessions on 1 pod"},
            {"type": "Ready", "status": "True", "message": ""},
        ],
        **more,
    }


def paced() -> StatusPace:
    """One that was written two seconds ago."""
    pace = StatusPace()
    pace.wrote(LIVE, NOW - timedelta(seconds=2))
    return pace


CHANGES: dict[str, tuple[Any, Any, float]] = {
    "somebody joined": (status(), status(1), 3.0),
    "a Router's viewers are numbers": ({"sessions": 1, "queued": 2}, {"sessions": 3}, 3.0),
    "there is none yet": (None, status(), 0.0),
    "a pod came": (status(), status(replicas=2), 0.0),
    "somebody joined and a pod came": (status(), status(1, replicas=2), 0.0),
    "a pod does not serve any more": (
        status(),
        status(pods=[{"name": "a", "state": "Failed", "sessions": 0}]),
        0.0,
    ),
    "a condition says something else": (
        status(),
        status(conditions=[{"type": "Ready", "status": "True", "message": "new"}]),
        0.0,
    ),
}


@pytest.mark.parametrize("case", CHANGES)
def test_only_numbers_of_viewers_wait(case: str) -> None:
    stored, wanted, expected = CHANGES[case]
    assert paced().wait_s(LIVE, stored, wanted, NOW) == expected


def test_the_first_change_and_one_after_five_seconds_are_written_at_once() -> None:
    assert StatusPace().wait_s(LIVE, status(), status(1), NOW) == 0.0
    assert paced().wait_s(LIVE, status(), status(1), NOW + timedelta(seconds=3)) == 0.0
    forgetful = paced()
    forgetful.forget(LIVE)
    assert forgetful.wait_s(LIVE, status(), status(1), NOW) == 0.0
