from __future__ import annotations

from typing import Any

import pytest

from matinee_api.kinds import conditions
from matinee_operator.observe.pod_trouble import Trouble, pod_trouble
from tests.unit.operator.observe.making import raw, waits


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
    "the memory of a sidecar was not enough": (
        waits("CrashLoopBackOff", name="proxy", lastState=KILLED, restartCount=1),
        Trouble(conditions.OUT_OF_MEMORY, "the sidecar proxy needed more memory than its limit"),
    ),
    "memory was not enough for the download": (
        {"initContainerStatuses": [{"name": "fetch", "state": KILLED}]},
        Trouble(conditions.OUT_OF_MEMORY, "the download needed more memory than its limit"),
    ),
    "the image of a sidecar does not exist": (
        waits("ErrImagePull", "not found", name="proxy"),
        Trouble(conditions.IMAGE_PULL_FAILED, "the sidecar proxy: not found"),
    ),
    "a sidecar crashes, and so does it": (
        {
            "containerStatuses": [
                {"name": name, "state": {}, "lastState": ENDED, "restartCount": 3}
                for name in ("proxy", "runtime")
            ]
        },
        Trouble(
            conditions.CRASH_LOOPING, "restarted 3 times, exit code 1: ModelUnavailable: no folder"
        ),
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
