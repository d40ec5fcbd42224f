from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any

import pytest

from matinee_operator.actions import Action, Apply, Create, Delete, Requeue
from matinee_operator.objects import key_of
from matinee_operator.observe.snapshot import ModelSnapshot
from matinee_operator.plan.weights import backoff_s
from tests.unit.operator.making import NOW, model, planned
from tests.unit.operator.weights.making import (
    FOLDER,
    GIGABYTE,
    HUB,
    changed,
    downloaded_model,
    found,
    given,
    hub_model,
    noted,
    refused,
    resolved_model,
    step,
    tried,
    with_claim,
)

ADAPTER = {"name": "style", "uri": "hf://org/style"}


def kinds(actions: list[Action]) -> list[str]:
    """In short, without the hashes in the names."""
    told = []
    for action in actions:
        match action:
            case Create() | Apply():
                key = key_of(action.manifest)
                told.append(f"{type(action).__name__.lower()} {key.kind} {_short(key.name)}")
            case Delete():
                told.append(f"delete {action.target.kind} {_short(action.target.name)}")
            case Requeue():
                told.append(f"again {action.after_s:.0f}")
    return told


def _short(name: str) -> str:
    """`tiny-resolve-1a2b3c4d-0` -> `resolve 0`."""
    parts = name.split("-")
    return f"{parts[1]} {parts[3]}" if len(parts) == 4 else name


AGO_30_S = NOW - timedelta(seconds=30)
AGO_90_S = NOW - timedelta(seconds=90)
PVC = "PersistentVolumeClaim tiny-weights"
DENIED = tried(given(hub_model()), "resolve", refused(), condition="Failed", at=AGO_30_S)
BOTH = given(hub_model(adapters=[ADAPTER]))
HALF = tried(BOTH, "resolve", found(), refused("style"), at=AGO_30_S)

CASES: dict[str, tuple[ModelSnapshot, list[str]]] = {
    "a source has to be asked first": (given(hub_model()), ["create Job resolve 0"]),
    "it is being asked": (tried(given(hub_model()), "resolve", condition=""), []),
    "its size is known": (tried(given(hub_model()), "resolve", found()), [f"create {PVC}"]),
    "the claim is there": (with_claim(resolved_model()), ["create Job download 0"]),
    "a claim that exists is taken": (
        resolved_model(cache={"claim": {"claimName": "old"}}),
        ["create Job download 0"],
    ),
    "it is being fetched": (
        tried(with_claim(resolved_model()), "download", condition=""),
        [],
    ),
    "all is done and the Jobs are gone": (downloaded_model(), []),
    "all is done and the Jobs are there": (
        tried(tried(downloaded_model(), "resolve"), "download", found()),
        [],
    ),
    "the claim was deleted": (
        dataclasses.replace(downloaded_model(), children={}),
        [f"create {PVC}"],
    ),
    "the status was lost": (
        dataclasses.replace(downloaded_model(), model=hub_model()),
        ["create Job resolve 0"],
    ),
    "a failed Job is tried again after a pause": (DENIED, ["again 30"]),
    "the pause is over": (
        tried(given(hub_model()), "resolve", refused(), condition="Failed", at=AGO_90_S),
        ["create Job resolve 1"],
    ),
    "the last failure stays while the next attempt runs": (
        tried(DENIED, "resolve", attempt=1, condition=""),
        [],
    ),
    "and goes once that has ended": (
        tried(DENIED, "resolve", refused(), attempt=1),
        ["delete Job resolve 0", "again 120"],
    ),
    "pauses double": (
        tried(given(hub_model()), "resolve", refused(), attempt=1, at=AGO_90_S),
        ["again 30"],
    ),
    "a Job that was complete and left nothing is tried again": (
        tried(given(hub_model()), "resolve", at=AGO_90_S),
        ["create Job resolve 1"],
    ),
    "an adapter that is not found does not hold up the model": (
        HALF,
        [f"create {PVC}", "again 30"],
    ),
    "and is asked for again": (
        tried(BOTH, "resolve", found(), refused("style"), at=AGO_90_S),
        [f"create {PVC}", "create Job resolve 1"],
    ),
    "another revision is asked, and what was known of the old one stays": (
        changed(downloaded_model(), source=HUB | {"revision": "v2"}),
        ["create Job resolve 0"],
    ),
    "another prompt fetches nothing": (
        changed(downloaded_model(), warmup={"prompt": "a green box"}),
        [],
    ),
    "another adapter is asked, and only that": (
        changed(downloaded_model(), adapters=[ADAPTER]),
        ["create Job resolve 0"],
    ),
    "a claim that has to be larger": (
        with_claim(resolved_model(), size="1Gi"),
        [f"apply {PVC}", "create Job download 0"],
    ),
    "a claim that could be smaller": (
        with_claim(resolved_model(cache={"claim": {"size": "1Gi"}})),
        ["create Job download 0"],
    ),
    "nothing is kept without a cache": (resolved_model(cache={"type": "None"}), []),
    "weights on a claim are looked at": (
        given(model(source={"uri": "pvc://claim/x"})),
        ["create Job resolve 0"],
    ),
    "weights on a claim were looked at": (
        noted(tried(given(model(source={"uri": "pvc://claim/x"})), "resolve", found(commit=None))),
        [],
    ),
    "a bundled model needs nothing": (given(model()), []),
    "its adapters do": (
        tried(given(model(adapters=[ADAPTER])), "resolve", found("style")),
        [f"create {PVC}"],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_done_next(case: str) -> None:
    snapshot, expected = CASES[case]
    assert kinds(planned(snapshot)) == expected


def test_a_model_that_is_being_deleted_gets_nothing_new() -> None:
    asked = hub_model()
    going = asked.metadata.model_copy(update={"deletion_timestamp": "2026-11-25T12:00:00Z"})
    assert planned(given(asked.model_copy(update={"metadata": going}))) == []


def request(snapshot: ModelSnapshot) -> Any:
    """What the plan asks for."""
    (claim,) = [
        action.manifest
        for action in planned(snapshot)
        if isinstance(action, Create | Apply) and action.manifest["kind"] != "Job"
    ]
    return claim["spec"]["resources"]["requests"]["storage"]


def test_a_claim_has_room_for_the_files_and_a_tenth() -> None:
    assert request(resolved_model()) == f"{-(-99 * GIGABYTE // 10 // 1024**2)}Mi"
    small = tried(given(hub_model()), "resolve", found(size=1))
    assert request(small) == "1024Mi"
    assert request(resolved_model(cache={"claim": {"size": "20Gi"}})) == "20480Mi"


def test_a_new_revision_needs_room_beside_the_old_one() -> None:
    moved = changed(downloaded_model(), source=HUB | {"revision": "v2"})
    both = tried(moved, "resolve", found(commit="d" * 40))
    assert request(both) == f"{-(-198 * GIGABYTE // 10 // 1024**2)}Mi"


def test_a_larger_claim_is_tried_at_once() -> None:
    full = tried(with_claim(resolved_model()), "download", refused(reason="NoSpace"))
    larger = changed(full, cache={"claim": {"size": "20Gi"}})
    assert kinds(planned(larger)) == [
        "delete Job download 0",
        f"apply {PVC}",
        "create Job download 0",
    ]


def test_former_weights_are_looked_at_before_pods_load_them_again() -> None:
    """Somebody may have deleted them. They need no room of their own."""
    moved = changed(downloaded_model(), source=HUB | {"revision": "v2"})
    newer = noted(tried(moved, "resolve", found(commit="d" * 40)))
    there = with_claim(newer, size="19000Mi")
    done = noted(tried(there, "download", found(commit="d" * 40)))
    back = noted(tried(changed(done, source=HUB), "resolve", found()))
    assert kinds(planned(back)) == ["create Job download 0"]
    assert status_folder(back) != FOLDER
    assert status_folder(noted(tried(back, "download", found()))) == FOLDER


def status_folder(snapshot: ModelSnapshot) -> str | None:
    status = snapshot.model.status
    return status.cache.folder if status and status.cache else None


def test_a_moved_branch_stays_where_it_was_pinned() -> None:
    again = tried(resolved_model(), "resolve", found(commit="d" * 40))
    (tree,) = step(with_claim(again), "download").trees
    assert tree.folder == FOLDER


def test_pauses_double_from_a_minute_to_half_an_hour() -> None:
    minutes = [backoff_s(attempt) / 60 for attempt in range(7)]
    assert minutes == [1, 2, 4, 8, 16, 30, 30]
    assert backoff_s(1000) == 1800.0
