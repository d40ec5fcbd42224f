from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any

import pytest

from matinee_api.kinds import conditions
from matinee_operator.actions import Action, Create, Delete, RecordEvent, Requeue
from matinee_operator.desired import desired_model
from matinee_operator.objects import Key
from matinee_operator.observe.snapshot import ModelSnapshot
from matinee_operator.warming import nth
from tests.unit.operator.making import CPU, NOW, model, model_status_of, planned, wanted_warmup
from tests.unit.operator.weights.making import given

ROOM = given(model(warmup={"resources": CPU}))
NAME = wanted_warmup(ROOM)["metadata"]["name"]
REQUIRED = given(model(warmup={"resources": CPU, "policy": "Required"}))


def tried(
    snapshot: ModelSnapshot, condition: str = "", attempt: int = 0, ago_s: float = 0
) -> ModelSnapshot:
    """The n-th Job exists; `condition` is Complete or Failed."""
    job = nth(wanted_warmup(snapshot), attempt)
    when = (NOW - timedelta(seconds=ago_s)).isoformat()
    ended = {"type": condition, "status": "True", "message": "gave up", "lastTransitionTime": when}
    meta = {**job["metadata"], "uid": f"u{attempt}"}
    stored = {"metadata": meta, "status": {"conditions": [ended] if condition else []}}
    key = Key("Job", "demo", meta["name"])
    return dataclasses.replace(snapshot, children={**snapshot.children, key: stored})


def crowded(snapshot: ModelSnapshot) -> ModelSnapshot:
    return dataclasses.replace(snapshot, without_room=("live-abc-0",))


def short(actions: list[Action]) -> list[str]:
    said = []
    for action in actions:
        match action:
            case Create():
                said.append(f"create {action.manifest['metadata']['name'].removeprefix(NAME)}")
            case Delete():
                said.append(f"delete {action.target.name.removeprefix(NAME)}")
            case Requeue():
                said.append(f"again {action.after_s:.0f}")
            case RecordEvent():
                said.append(action.reason)
    return said


CASES: dict[str, tuple[ModelSnapshot, list[str], str]] = {
    "it has not begun": (ROOM, ["create "], "Unknown WarmingUp"),
    "it runs": (tried(ROOM), [], "Unknown WarmingUp"),
    "it is done": (tried(ROOM, "Complete"), [], "True WarmupSucceeded"),
    "it failed: a minute later": (
        tried(ROOM, "Failed", ago_s=20),
        ["again 40"],
        "False WarmupFailed",
    ),
    "the minute is over": (tried(ROOM, "Failed", ago_s=61), ["create -1"], "False WarmupFailed"),
    "the last failure stays while the next one runs": (
        tried(tried(ROOM, "Failed"), attempt=1),
        [],
        "False WarmupFailed",
    ),
    "pauses double": (
        tried(tried(ROOM, "Failed"), "Failed", 1, ago_s=60),
        ["delete ", "again 60"],
        "False WarmupFailed",
    ),
    "up to half an hour": (tried(ROOM, "Failed", 30), ["again 1800"], "False WarmupFailed"),
    "the second is done": (
        tried(tried(ROOM, "Failed"), "Complete", 1),
        ["delete "],
        "True WarmupSucceeded",
    ),
    "pods find no room: it does not begin": (crowded(ROOM), [], "False WarmupYields"),
    "pods find no room: it goes": (
        crowded(tried(ROOM)),
        ["delete ", "WarmupYields"],
        "False WarmupYields",
    ),
    "pods find no room: a failure stays, and no other begins": (
        crowded(tried(ROOM, "Failed", ago_s=100)),
        [],
        "False WarmupYields",
    ),
    "pods find no room, and it is done": (
        crowded(tried(ROOM, "Complete")),
        [],
        "True WarmupSucceeded",
    ),
    "pods find no room, and it is required": (crowded(REQUIRED), ["create "], "Unknown WarmingUp"),
}


@pytest.mark.parametrize("case", CASES)
def test_what_comes_next(case: str) -> None:
    snapshot, expected, warmed = CASES[case]
    assert short(planned(snapshot)) == expected
    told = {one.type: one for one in model_status_of(snapshot).conditions}
    assert f"{told['Warmed'].status} {told['Warmed'].reason}" == warmed


POLICIES: dict[str, tuple[dict[str, Any], bool]] = {
    "none is wanted": ({"policy": "None"}, False),
    "it is switched off": ({"enabled": False}, False),
    "as usual": ({}, True),
    "it is required": ({"policy": "Required"}, True),
}


@pytest.mark.parametrize("case", POLICIES)
def test_a_job_is_made_where_the_policy_wants_one(case: str) -> None:
    warmup, expected = POLICIES[case]
    asked = given(model(warmup={"resources": CPU, **warmup}))
    assert (desired_model(asked).warming is not None) is expected
    told = {one.type: one for one in model_status_of(asked).conditions}
    assert (told["Ready"].status == "True") is not expected


def test_a_job_whose_pod_is_refused_says_why() -> None:
    snapshot = dataclasses.replace(tried(ROOM), refusals={"u0": "exceeded quota"})
    told = {one.type: one for one in model_status_of(snapshot).conditions}
    assert (told["Warmed"].reason, told["Warmed"].message) == ("PodRefused", "exceeded quota")
    assert told["Degraded"].reason == conditions.POD_REFUSED
