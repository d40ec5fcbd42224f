from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from matinee_api.kinds import conditions
from matinee_operator.observe.pods import Trouble, observed_pod, pod_trouble
from tests.unit.operator.making import NOW, slots

PROPAGATION = timedelta(seconds=5)
SOON = NOW + PROPAGATION
STAMP = "2026-11-25T12:00:00Z"


def raw(status: dict[str, Any], **meta: Any) -> dict[str, Any]:
    return {
        "kind": "Pod",
        "metadata": {
            "name": "live-abc-2",
            "uid": "u",
            "creationTimestamp": STAMP,
            "labels": {"matinee.video/revision": "abc", "matinee.video/slot": "2"},
            **meta,
        },
        "spec": {"nodeName": "n1"},
        "status": status,
    }


def waits(reason: str, message: str = "", **more: Any) -> dict[str, Any]:
    waiting = {"reason": reason, "message": message}
    return {"phase": "Pending", "containerStatuses": [{"state": {"waiting": waiting}, **more}]}


def says(kind: str, status: str, reason: str, message: str = "") -> dict[str, Any]:
    told = {"type": kind, "status": status, "reason": reason, "message": message}
    return {"phase": "Running", "conditions": [told]}


ENDED = {"terminated": {"exitCode": 1, "message": "Traceback\n  x\nModelUnavailable: no folder\n"}}
KILLED = {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}

DENIED = (
    '{"trees":[{"name":"model","reason":"SourceDenied",'
    '"message":"the token is not allowed to read"}]}'
)
GOOD = '{"trees":[{"name":"model","commit":"c","bytes":1}]}'
TROUBLES: dict[str, tuple[dict[str, Any], Trouble | None]] = {
    "it starts": ({"phase": "Pending"}, None),
    "it is created": (waits("ContainerCreating"), None),
    "no node has room": (
        says("PodScheduled", "False", "Unschedulable", "0/2 nodes: Insufficient nvidia.com/gpu"),
        Trouble(conditions.UNSCHEDULABLE, "0/2 nodes: Insufficient nvidia.com/gpu"),
    ),
    "the image does not exist": (
        waits("ErrImagePull", "not found"),
        Trouble(conditions.IMAGE_PULL_FAILED, "not found"),
    ),
    "the image is tried again": (
        waits("ImagePullBackOff", "Back-off pulling"),
        Trouble(conditions.IMAGE_PULL_FAILED, "Back-off pulling"),
    ),
    "the image's name is none": (
        waits("InvalidImageName", "cannot parse"),
        Trouble(conditions.IMAGE_PULL_FAILED, "cannot parse"),
    ),
    "the image may not be pulled": (
        waits("ErrImageNeverPull", "", image="x:1"),
        Trouble(conditions.IMAGE_PULL_FAILED, "ErrImageNeverPull"),
    ),
    "a Secret is missing": (
        waits("CreateContainerConfigError", 'secret "x" not found'),
        Trouble(conditions.POD_CONFIG_INVALID, 'secret "x" not found'),
    ),
    "the command does not exist": (
        waits("RunContainerError", "exec: no such file"),
        Trouble(conditions.POD_CONFIG_INVALID, "exec: no such file"),
    ),
    "it crashes again and again": (
        waits("CrashLoopBackOff", lastState=ENDED, restartCount=3),
        Trouble(
            conditions.CRASH_LOOPING, "restarted 3 times, exit code 1: ModelUnavailable: no folder"
        ),
    ),
    "one restart is no loop": (
        {"containerStatuses": [{"state": {"running": {}}, "lastState": ENDED, "restartCount": 1}]},
        None,
    ),
    "memory was not enough": (
        waits("CrashLoopBackOff", lastState=KILLED, restartCount=1),
        Trouble(conditions.OUT_OF_MEMORY, "the runtime needed more memory than its limit"),
    ),
    "the kubelet evicted it": (
        {"phase": "Failed", "reason": "Evicted", "message": "low on ephemeral-storage"},
        Trouble(conditions.POD_FAILED, "low on ephemeral-storage"),
    ),
    "it cannot fetch the weights": (
        {
            "phase": "Pending",
            "initContainerStatuses": [
                {
                    "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                    "lastState": {"terminated": {"exitCode": 3, "message": DENIED}},
                    "restartCount": 1,
                }
            ],
            "containerStatuses": [{"state": {"waiting": {"reason": "PodInitializing"}}}],
        },
        Trouble(conditions.SOURCE_DENIED, "the token is not allowed to read"),
    ),
    "it has fetched the weights": (
        {
            "initContainerStatuses": [{"state": {"terminated": {"exitCode": 0, "message": GOOD}}}],
            "containerStatuses": [{"state": {"running": {}}}],
        },
        None,
    ),
    "it was evicted through the API": (
        says("DisruptionTarget", "True", "EvictionByEvictionAPI", "Eviction API: evicting"),
        Trouble(conditions.POD_FAILED, "Eviction API: evicting"),
    ),
    "its node stopped answering": (
        says("DisruptionTarget", "True", "DeletionByTaintManager", "Taint manager: deleting"),
        Trouble(conditions.NODE_LOST, "node n1 does not answer, or was tainted NoExecute"),
    ),
}


@pytest.mark.parametrize("case", TROUBLES)
def test_what_is_wrong_with_a_pod(case: str) -> None:
    status, expected = TROUBLES[case]
    assert pod_trouble(raw(status)) == expected


def ready(since: str = STAMP) -> dict[str, Any]:
    condition = {"type": "Ready", "status": "True", "lastTransitionTime": since}
    running = [{"state": {"running": {"startedAt": STAMP}}}]
    return {
        "phase": "Running",
        "podIP": "10.0.0.1",
        "conditions": [condition],
        "containerStatuses": running,
    }


def test_a_pod_is_controlled_where_it_says_and_one_of_a_former_release_at_its_only_port() -> None:
    control = {"containers": [{"ports": [{"name": "control", "containerPort": 8001}]}]}
    for spec, port in ((control, 8001), ({}, 8000)):
        found = {**raw(ready()), "spec": spec}
        assert observed_pod(found, None, SOON, PROPAGATION).control == ("10.0.0.1", port)
    assert observed_pod(raw({}), None, SOON, PROPAGATION).control is None


NO_REVISION = ("", 0)
IDENTITIES: dict[str, tuple[str, tuple[str, int]]] = {
    "ours": ("live-abc-2", ("abc", 2)),
    "of a service whose name has dashes": ("a-1-b-abc-13", ("abc", 13)),
    "no slot": ("live-abc-debug", NO_REVISION),
    "a slot that nobody counts to": (f"live-abc-{'9' * 40}", NO_REVISION),
    "one word": ("stranger", NO_REVISION),
}


@pytest.mark.parametrize("case", IDENTITIES)
def test_a_pod_is_known_by_its_name_whatever_its_labels_say(case: str) -> None:
    name, expected = IDENTITIES[case]
    for labels in ({"matinee.video/revision": "x", "matinee.video/slot": "debug"}, {}, None):
        pod = observed_pod(raw({}, name=name, labels=labels), None, NOW, PROPAGATION)
        assert (pod.revision, pod.slot) == expected


SPOILT = ("", "soon", "-1", "2026-11-25", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59Z")


@pytest.mark.parametrize("value", [*SPOILT, "9" * 5000, "٣", "1e9", "2026-11-25T12:00:00"])
def test_an_annotation_that_somebody_spoilt_is_none(value: str) -> None:
    names = ("attempt", "cordoned-at", "drain-deadline")
    annotations = {f"matinee.video/{name}": value for name in names}
    pod = observed_pod(raw(ready(), annotations=annotations), None, NOW, PROPAGATION)
    assert (pod.attempt, pod.cordoned_at, pod.drain_deadline) == (0, None, None)


def test_the_configuration_of_a_pod_is_the_one_that_it_mounts() -> None:
    spec = {"volumes": [{"name": "config", "configMap": {"name": "live-1"}}]}
    assert observed_pod({**raw({}), "spec": spec}, None, NOW, PROPAGATION).config == "live-1"


def test_a_ready_pod_serves_and_has_no_trouble() -> None:
    pod = observed_pod(raw(ready()), slots(2), SOON, PROPAGATION)
    assert (pod.revision, pod.slot, pod.node) == ("abc", 2, "n1")
    assert (pod.serving, pod.sessions, pod.ready_since, pod.trouble) == (True, 2, NOW, None)
    assert not pod.never_served


def test_a_pod_serves_when_everybody_had_time_to_learn_of_it() -> None:
    early = observed_pod(raw(ready()), slots(), NOW, PROPAGATION)
    assert early.ready
    assert (early.serving, early.settles_at) == (False, SOON)
    assert observed_pod(raw(ready()), slots(), NOW, timedelta()).serving


def test_a_pod_that_drains_or_goes_does_not_serve() -> None:
    assert not observed_pod(raw(ready()), slots(draining=True), SOON, PROPAGATION).serving
    assert not observed_pod(
        raw(ready(), deletionTimestamp=STAMP), slots(), SOON, PROPAGATION
    ).serving
    deadline = {"matinee.video/drain-deadline": "2026-11-25T13:00:00Z"}
    cordoned = observed_pod(raw(ready(), annotations=deadline), slots(), SOON, PROPAGATION)
    assert not cordoned.serving
    assert cordoned.drain_deadline == NOW + timedelta(hours=1)


def test_a_deadline_that_somebody_spoilt_is_none() -> None:
    spoilt = {"matinee.video/drain-deadline": "soon"}
    assert not observed_pod(raw(ready(), annotations=spoilt), slots(), SOON, PROPAGATION).cordoned


def test_a_running_pod_may_have_viewers_until_it_says_that_it_has_none() -> None:
    running = {"phase": "Running", "containerStatuses": [{"state": {"running": {}}}]}
    assert not observed_pod(raw(running), None, SOON, PROPAGATION).never_served
    assert observed_pod(raw(running), slots(), SOON, PROPAGATION).never_served
    assert observed_pod(raw(waits("ImagePullBackOff")), None, SOON, PROPAGATION).never_served


def test_a_pod_that_ended_knows_when() -> None:
    over = {"terminated": {"exitCode": 0, "finishedAt": "2026-11-25T12:00:09Z"}}
    pod = observed_pod(
        raw({"phase": "Failed", "containerStatuses": [{"state": over}]}), None, SOON, PROPAGATION
    )
    assert pod.finished
    assert pod.finished_at == NOW + timedelta(seconds=9)
