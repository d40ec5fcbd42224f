from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from matinee_api.kinds import conditions
from matinee_api.kinds.streamingservice import StreamingServiceStatus
from matinee_operator.observe.pod_trouble import Trouble
from matinee_operator.observe.pods import ObservedPod
from matinee_operator.observe.snapshot import ServiceSnapshot
from tests.unit.operator.making import (
    INSTALLATION,
    NOW,
    model,
    pod,
    revision,
    service,
    service_status_of,
    slots,
    snapshot,
    starting,
    waiting,
)
from tests.unit.operator.weights.making import (
    changed,
    downloaded_model,
    given,
    hub_model,
    noted,
    refused,
    tried,
)

REVISION = revision(model(), service(), INSTALLATION)
NEW = f"live-{REVISION}-0"
TWO = f"live-{REVISION}-1"
STAMP = "2026-11-25T12:00:00Z"
LATER = NOW + timedelta(hours=1)


def test_the_whole_status_of_a_service_that_is_well() -> None:
    status = service_status_of(snapshot(pod(NEW, slots=slots(1, queued=2))))
    assert status.model_dump(mode="json", exclude_none=True) == {
        "observedGeneration": 1,
        "phase": "Ready",
        "desiredReplicas": 1,
        "lastStart": {"began": "2026-11-25T11:00:00Z", "seconds": 60},
        "replicas": 1,
        "readyReplicas": 1,
        "servableReplicas": 1,
        "updatedReplicas": 1,
        "url": "ws://live.demo.svc:8000/v1/stream",
        "drainingReplicas": 0,
        "selector": "matinee.video/service=live",
        "currentRevision": REVISION,
        "updateRevision": REVISION,
        "sessions": {"active": 1, "queued": 2, "capacity": 4},
        "jobs": {"waiting": 0, "making": 0},
        "pods": [
            {"name": NEW, "revision": REVISION, "state": "Serving", "sessions": 1, "message": ""}
        ],
        "conditions": [
            _condition("Ready", "True", "AsDesired", "1 of 1 pods serve the current revision"),
            _condition("Servable", "True", "Serving", "new sessions go to 1 pod"),
            _condition("Progressing", "False", "AsDesired"),
            _condition("Draining", "False", "NoSessionsWait"),
            _condition("Degraded", "False", "NothingWrong"),
        ],
    }


def _condition(kind: str, status: str, reason: str, message: str = "") -> dict[str, Any]:
    return {
        "type": kind,
        "status": status,
        "observedGeneration": 1,
        "lastTransitionTime": STAMP,
        "reason": reason,
        "message": message,
    }


def late(began: timedelta) -> dict[str, Any]:
    """A service whose rollout began this long ago."""
    condition = _condition("Progressing", "True", "RollingOut")
    condition["lastTransitionTime"] = (NOW - began).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"conditions": [condition]}


HOURS = timedelta(hours=2)
DRAINING = {"drain_deadline": LATER, "ready_since": None, "slots": slots(1, draining=True)}

Facts = dict[str, Any]
CASES: dict[str, tuple[list[ObservedPod], Facts, dict[str, str]]] = {
    "no pod yet": (
        [],
        {},
        {"Ready": "Scaling", "Servable": "NoReadyPods", "Progressing": "Scaling"},
    ),
    "the model loads": (
        [starting(NEW)],
        {},
        {"Ready": "PodsStarting", "Servable": "NoReadyPods", "Progressing": "PodsStarting"},
    ),
    "a router does not know the pod": (
        [pod(NEW, unknown_to=("front-router-a",))],
        {},
        {
            "Ready": "RouterLagging",
            "Servable": "RouterLagging",
            "Progressing": "RouterLagging",
            "Degraded": "NothingWrong",
        },
    ),
    "a router does not know the pod for too long": (
        [pod(NEW, unknown_to=("front-router-a",))],
        {"service": service(status=late(HOURS))},
        {"Servable": "RouterLagging", "Degraded": "ProgressDeadlineExceeded"},
    ),
    "a router knows one pod of two": (
        [pod(NEW), pod(TWO, unknown_to=("front-router-a",))],
        {"service": service(replicas=2)},
        {"Ready": "RouterLagging", "Servable": "Serving"},
    ),
    "no pods wanted": (
        [],
        {"service": service(replicas=0)},
        {"Ready": "AsDesired", "Servable": "ScaledToZero", "Progressing": "AsDesired"},
    ),
    "no such model": (
        [],
        {"model": None},
        {"Ready": "ModelNotFound", "Progressing": "WaitingForModel", "Degraded": "ModelNotFound"},
    ),
    "a model that cannot be fetched": (
        [],
        {"model": model(source={"uri": "oci://registry/x:1"})},
        {"Progressing": "WaitingForModel", "Degraded": "SourceUnsupported"},
    ),
    "a model that is being fetched": (
        [],
        {"model": hub_model()},
        {"Progressing": "WaitingForModel", "Degraded": "NothingWrong"},
    ),
    "a model whose token is missing": (
        [],
        {"model": noted(tried(given(hub_model()), "resolve", refused())).model},
        {"Progressing": "WaitingForModel", "Degraded": "SourceDenied"},
    ),
    "a model whose next revision is being fetched": (
        [],
        {"model": changed(downloaded_model(), source={"uri": "hf://org/LTX-Video"}).model},
        {"Progressing": "Scaling", "Degraded": "NothingWrong"},
    ),
    "old pods serve while the new one loads": (
        [pod("live-old-0"), starting(NEW)],
        {},
        {"Ready": "RollingOut", "Servable": "Serving", "Progressing": "RollingOut"},
    ),
    "an old pod drains": (
        [pod("live-old-0", **DRAINING), pod(NEW)],
        {},
        {"Ready": "RollingOut", "Servable": "Serving", "Draining": "SessionsRemain"},
    ),
    "the rollout is held": (
        [pod("live-old-0")],
        {"service": service(rollout={"paused": True})},
        {"Ready": "Paused", "Progressing": "Paused", "Degraded": "NothingWrong"},
    ),
    "a bad image while old pods serve": (
        [
            pod("live-old-0"),
            waiting(NEW, trouble=Trouble(conditions.IMAGE_PULL_FAILED, "not found")),
        ],
        {},
        {"Ready": "ImagePullFailed", "Servable": "Serving", "Degraded": "ImagePullFailed"},
    ),
    "several troubles: what a person can mend comes first": (
        [
            waiting(NEW, trouble=Trouble(conditions.POD_FAILED, "evicted")),
            waiting(TWO, trouble=Trouble(conditions.POD_CONFIG_INVALID, "no secret")),
        ],
        {"service": service(replicas=2)},
        {"Degraded": "PodConfigInvalid"},
    ),
    "the API server refuses the pods": (
        [],
        {"failure": Trouble(conditions.POD_REFUSED, "exceeded quota")},
        {"Ready": "PodRefused", "Degraded": "PodRefused"},
    ),
    "no node has room": (
        [waiting(NEW, trouble=Trouble(conditions.UNSCHEDULABLE, "0/2 nodes"))],
        {},
        {"Degraded": "Unschedulable"},
    ),
    "the deadline of a rollout passes": (
        [starting(NEW, created=NOW - HOURS)],
        {"service": service(status=late(HOURS))},
        {"Degraded": "ProgressDeadlineExceeded"},
    ),
    "a pod that was just made is progress": (
        [starting(NEW, created=NOW)],
        {"service": service(status=late(HOURS))},
        {"Degraded": "NothingWrong"},
    ),
    "sessions that play on are no lack of progress": (
        [pod("live-old-0", **DRAINING), pod(NEW)],
        {"service": service(status=late(HOURS))},
        {"Degraded": "NothingWrong"},
    ),
    "the operator scales, and one pod is enough": (
        [pod(NEW)],
        {"service": service(autoscaling={"maxReplicas": 3}, replicas=2)},
        {"Ready": "AsDesired", "Degraded": "NothingWrong"},
    ),
    "the operator scales, and a second pod is needed": (
        [pod(NEW, slots=slots(1, total=1))],
        {"service": service(autoscaling={"maxReplicas": 3})},
        {"Ready": "Scaling", "Degraded": "NothingWrong"},
    ),
    "somebody else scales": (
        [pod(NEW)],
        {"service": service(autoscaling={"maxReplicas": 3, "mode": "External"})},
        {"Ready": "AsDesired", "Degraded": "NothingWrong"},
    ),
    "a node is lost": (
        [waiting(NEW, terminating=True, trouble=Trouble(conditions.NODE_LOST, "x")), starting(TWO)],
        {},
        {"Ready": "NodeLost", "Degraded": "NodeLost"},
    ),
    "a node is lost, and its pod replaced": (
        [waiting(NEW, terminating=True, trouble=Trouble(conditions.NODE_LOST, "x")), pod(TWO)],
        {},
        {"Ready": "AsDesired", "Degraded": "NothingWrong"},
    ),
    "the service is being deleted": (
        [pod(NEW)],
        {"service": service(metadata={"deletionTimestamp": STAMP})},
        {"Ready": "Deleting", "Progressing": "Deleting"},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_reasons_of_the_conditions(case: str) -> None:
    pods, facts, expected = CASES[case]
    reasons = {
        one.type: one.reason for one in service_status_of(snapshot(*pods, **facts)).conditions
    }
    assert {kind: reasons[kind] for kind in expected} == expected


def test_every_condition_has_a_known_reason_and_the_types_of_the_api() -> None:
    known = {value for name, value in vars(conditions).items() if name.isupper()}
    for pods, facts, _ in CASES.values():
        made = service_status_of(snapshot(*pods, **facts)).conditions
        assert tuple(one.type for one in made) == conditions.STREAMING_SERVICE_TYPES
        assert {one.reason for one in made} <= known


def test_messages_name_the_pod_and_count_the_others() -> None:
    trouble = Trouble(conditions.CRASH_LOOPING, "exit code 1")
    pods = [waiting(NEW, trouble=trouble), waiting(TWO, trouble=trouble)]
    status = service_status_of(snapshot(*pods, service=service(replicas=2)))
    degraded = {one.type: one for one in status.conditions}["Degraded"]
    assert degraded.message == f"{NEW} (and 1 more): exit code 1"


def test_a_pod_that_a_router_does_not_know_says_so() -> None:
    pods = [pod(one, unknown_to=("front-router-a", "front-router-b")) for one in (NEW, TWO)]
    status = service_status_of(snapshot(*pods, service=service(replicas=2)))
    servable = {one.type: one for one in status.conditions}["Servable"]
    first = f"the router pod front-router-a sends no viewers to {NEW}"
    assert servable.message.startswith(f"{first} (nor to 1 more): ")
    assert status.pods[0].message.startswith(f"{first}: ")
    assert (status.ready_replicas, status.servable_replicas) == (2, 0)


WAKES = {"minReplicas": 0, "maxReplicas": 1, "bufferSlots": 0}
ASLEEP: dict[str, tuple[Facts, str]] = {
    "nobody scales it": ({"replicas": 0}, "no pod is wanted"),
    "somebody else scales it": (
        {"replicas": 0, "autoscaling": {**WAKES, "mode": "External"}},
        "no pod is wanted",
    ),
    "no Router": (
        {"autoscaling": WAKES},
        "no pod is wanted; viewers who come bring none, because no Router names the service",
    ),
}


@pytest.mark.parametrize("case", ASLEEP)
def test_who_wakes_a_service_without_pods_is_said(case: str) -> None:
    spec, expected = ASLEEP[case]
    status = service_status_of(snapshot(service=service(**spec)))
    assert {one.type: one for one in status.conditions}["Servable"].message == expected
    behind = service_status_of(snapshot(service=service(**spec), routers=("front",)))
    message = {one.type: one for one in behind.conditions}["Servable"].message
    assert message.endswith("brings one") is (case == "no Router")


def test_a_condition_remembers_since_when_it_holds() -> None:
    first = service_status_of(snapshot(pod(NEW)))
    later = _again(first, snapshot(pod(NEW), now=LATER))
    assert later == first
    lost = _again(first, snapshot(starting(NEW), now=LATER))
    since = {one.type: one.last_transition_time for one in lost.conditions}
    assert since["Ready"] == "2026-11-25T13:00:00Z"
    assert since["Draining"] == STAMP


def _again(before: StreamingServiceStatus, given: ServiceSnapshot) -> StreamingServiceStatus:
    known = service(status=before.model_dump(mode="json", exclude_none=True))
    return service_status_of(snapshot(*given.pods, service=known, now=given.now))


def test_the_current_revision_is_the_last_one_that_was_complete() -> None:
    complete = service_status_of(snapshot(pod(NEW)))
    changed = service(status=complete.model_dump(mode="json"), sessions={"maxPerPod": 2})
    status = service_status_of(snapshot(pod(NEW), service=changed))
    assert status.current_revision == REVISION
    assert status.update_revision != REVISION


STATES = {
    "Pending": waiting(NEW),
    "Loading": starting(NEW),
    "Serving": pod(NEW),
    "Cordoned": pod(NEW, drain_deadline=LATER),
    "Draining": pod(NEW, drain_deadline=LATER, slots=slots(1)),
    "Failed": waiting(NEW, trouble=Trouble(conditions.CRASH_LOOPING, "x")),
}


@pytest.mark.parametrize("state", STATES)
def test_the_state_of_a_pod(state: str) -> None:
    (listed,) = service_status_of(snapshot(STATES[state])).pods
    assert listed.state == state


def test_at_most_64_pods_are_listed_and_all_are_counted() -> None:
    pods = [pod(f"live-{REVISION}-{slot}") for slot in range(70)]
    status = service_status_of(snapshot(*pods, service=service(replicas=70)))
    assert (len(status.pods), status.servable_replicas) == (64, 70)
