"""Which revision is carried out: the newest, or one that is held."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from matinee_operator.actions import Create
from matinee_operator.desired import desired_service
from matinee_operator.objects import Key, key_of
from matinee_operator.observe.snapshot import ServiceSnapshot
from matinee_operator.observe.trimming import trimmed
from matinee_operator.plan import plan_service
from matinee_operator.resources.revision_record import recorded_pod, revision_record
from matinee_operator.resources.runtime_pod import runtime_pod
from tests.unit.operator.making import (
    INSTALLATION,
    desired_pods,
    model,
    pod,
    revision,
    service,
    service_status_of,
    snapshot,
)

NEW = revision(model(), service(), INSTALLATION)
OLD = "0a1b2c3d"
ROLLED_OUT = {"currentRevision": OLD}
PAUSED: dict[str, Any] = {"rollout": {"paused": True}}


def asked(ready: str | None = None, reason: str = "WarmingUp", generation: int = 1) -> Any:
    """A model whose warm-up is required; `ready`: status of that condition."""
    told = {
        "type": "Ready",
        "status": ready,
        "reason": reason,
        "observedGeneration": generation,
        "lastTransitionTime": "2026-11-25T12:00:00Z",
    }
    status = {"conditions": [told]} if ready else None
    return model(status=status, warmup={"policy": "Required"})


CASES: dict[str, tuple[ServiceSnapshot, str, bool]] = {
    "nothing is held": (snapshot(service=service(status=ROLLED_OUT)), NEW, False),
    "paused": (snapshot(service=service(status=ROLLED_OUT, **PAUSED)), OLD, True),
    "paused in the first rollout: as the pods are": (
        snapshot(pod(f"live-{OLD}-0"), service=service(**PAUSED)),
        OLD,
        True,
    ),
    "paused from the start": (snapshot(service=service(**PAUSED)), NEW, False),
    "paused, and nothing is new": (
        snapshot(service=service(status={"currentRevision": NEW}, **PAUSED)),
        NEW,
        False,
    ),
    "the model is gone": (
        snapshot(service=service(status=ROLLED_OUT), model=None),
        OLD,
        True,
    ),
    "the model was never there": (snapshot(model=None), "", True),
    "the warm-up is required and runs": (
        snapshot(service=service(status=ROLLED_OUT), model=asked("False")),
        OLD,
        True,
    ),
    "it runs, and there was nothing before": (snapshot(model=asked("False")), "", True),
    "it has not begun": (snapshot(model=asked()), "", True),
    "it was of a former spec": (snapshot(model=asked("True", generation=0)), "", True),
    "it succeeded": (snapshot(model=asked("True")), NEW, False),
    "it runs, and this revision has served before": (
        snapshot(service=service(status={"currentRevision": NEW}), model=asked("False")),
        NEW,
        False,
    ),
    "it runs, and a pod of this revision was ready": (
        snapshot(pod(f"live-{NEW}-0"), model=asked("False")),
        NEW,
        False,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_which_revision_is_carried_out(case: str) -> None:
    given, expected, held = CASES[case]
    desired = desired_service(given)
    assert (desired.target.revision, desired.held is not None) == (expected, held)


def recorded(given: ServiceSnapshot, key: str = "k") -> ServiceSnapshot:
    """There is a record of the old revision."""
    pods = desired_pods(model(), service())
    old = runtime_pod(
        model(),
        service(),
        INSTALLATION,
        weights=pods.weights,
        config="live-old",
        revision=OLD,
        slot=0,
        attempt=0,
        secret="live-admin-1",  # noqa: S106 - a name
    )
    made = revision_record(service(), OLD, old, key)
    record = trimmed({**made, "metadata": {**made["metadata"], "uid": "u"}})
    children = {**given.children, key_of(record): record}
    return dataclasses.replace(given, children=children, seal_keys=("k",))


def made(given: ServiceSnapshot) -> list[dict[str, Any]]:
    actions = plan_service(given, desired_service(given))
    created = [dict(one.manifest) for one in actions if isinstance(one, Create)]
    return [one for one in created if one["kind"] == "Pod"]


HELD = ("paused", "the model is gone", "the warm-up is required and runs")


@pytest.mark.parametrize("case", HELD)
def test_a_pod_of_the_held_revision_is_made_from_its_record(case: str) -> None:
    (found,) = made(recorded(CASES[case][0]))
    meta = found["metadata"]
    assert (meta["name"], meta["labels"]["matinee.video/slot"]) == (f"live-{OLD}-0", "0")
    assert found["spec"]["volumes"][0] == {"name": "config", "configMap": {"name": "live-old"}}


@pytest.mark.parametrize("case", HELD)
def test_none_is_made_where_no_record_of_ours_is_left(case: str) -> None:
    given = CASES[case][0]
    assert made(given) == []
    assert made(recorded(given, key="of somebody who may make ConfigMaps")) == []


def test_a_pod_that_cannot_be_made_again_is_told_with_the_remedy() -> None:
    deleted = {"deletionTimestamp": "2026-11-25T12:00:00Z"}
    paused, going = (service(status=ROLLED_OUT, metadata=meta, **PAUSED) for meta in ({}, deleted))
    missing = snapshot(service=paused)
    for given, reason in (
        (missing, "RevisionNotRecorded"),
        (recorded(missing), "NothingWrong"),
        (snapshot(pod(f"live-{OLD}-0"), service=paused), "NothingWrong"),
        (snapshot(service=going), "NothingWrong"),
    ):
        told = {one.type: one for one in service_status_of(given).conditions}["Degraded"]
        assert told.reason == reason
        assert ("rollout.paused: false" in told.message) == (reason == "RevisionNotRecorded")


def test_a_service_scales_down_without_its_model() -> None:
    pods = [pod(f"live-{OLD}-{slot}") for slot in range(2)]
    wanted = service(status=ROLLED_OUT, replicas=0)
    actions = plan_service(
        given := snapshot(*pods, service=wanted, model=None), desired_service(given)
    )
    cordoned = [one for one in actions if getattr(one, "reason", "") == "Draining"]
    assert len(cordoned) == 2


def test_a_record_stays_as_long_as_its_revision_may_be_made_again() -> None:
    given = recorded(snapshot(service=service(status=ROLLED_OUT)))
    key = Key("ConfigMap", "demo", f"live-{OLD}-pod")
    config = Key("ConfigMap", "demo", "live-old")
    children = {
        one: {**given.children.get(one, {}), "metadata": {"name": one.name, "uid": "u"}}
        for one in (key, config)
    }
    given = dataclasses.replace(given, children=children)
    assert [one.target for one in _deletions(given)] == []
    for limit, gone in ((0, [key, config]), (1, [config])):
        rollout = {"revisionHistoryLimit": limit}
        now = service(status={"currentRevision": NEW}, rollout=rollout)
        over = dataclasses.replace(given, service=now)
        assert [one.target for one in _deletions(over)] == gone


def _deletions(given: ServiceSnapshot) -> list[Any]:
    actions = plan_service(given, desired_service(given))
    return [one for one in actions if type(one).__name__ == "Delete"]


def test_a_seal_is_of_one_name_one_text_and_one_key() -> None:
    record = trimmed(revision_record(service(), OLD, {"a": 1}, "k"))
    assert recorded_pod(record, "k") == {"a": 1}
    assert recorded_pod(record, "other") is None
    renamed = {**record, "metadata": {**record["metadata"], "name": "x"}}
    edits = ({"pod.json": "{}"}, {"spec.json": "{}"}, {"seal": ""})
    changed = [{**record, "data": {**record["data"], **edit}} for edit in edits]
    for one in (renamed, *changed, {**record, "data": None}):
        assert recorded_pod(one, "k") is None


TOLD: dict[str, tuple[Any, str, str]] = {
    "it runs": (asked("False"), "WaitingForModel", "NothingWrong"),
    "it failed": (asked("False", "WarmupFailed"), "WaitingForModel", "WarmupFailed"),
    "it succeeded": (asked("True", "AsDesired"), "Scaling", "NothingWrong"),
}


@pytest.mark.parametrize("case", TOLD)
def test_a_service_says_that_it_waits_for_a_warm_up(case: str) -> None:
    wanted, progressing, degraded = TOLD[case]
    found = {one.type: one.reason for one in service_status_of(snapshot(model=wanted)).conditions}
    assert (found["Progressing"], found["Degraded"]) == (progressing, degraded)
