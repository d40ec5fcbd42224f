"""Containers that somebody injects into our pods: their faults are told as theirs."""

from __future__ import annotations

from typing import Any

from e2e.apiserver.faults.fault import Fault, degraded
from e2e.apiserver.faults.steps import OOM, container, ended, pods_say
from matinee_api.kinds import conditions

RUNS = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
CRASHED = {"waiting": {"reason": "CrashLoopBackOff"}}


def _sidecar(what: str, reason: str, told: str, state: dict[str, Any], **more: Any) -> Fault:
    """The runtime's own container runs."""
    both = [container(state, **more, name="proxy"), container(RUNS)]
    return degraded(what, reason, told, pods_say(phase="Pending", containerStatuses=both))


SIDECARS: tuple[Fault, ...] = (
    _sidecar(
        "a sidecar needs more memory than its limit",
        conditions.OUT_OF_MEMORY,
        "the sidecar proxy needed more memory than its limit",
        CRASHED,
        lastState=OOM,
        restartCount=1,
    ),
    _sidecar(
        "a sidecar ends again and again",
        conditions.CRASH_LOOPING,
        "the sidecar proxy: restarted 3 times, exit code 1: no route",
        CRASHED,
        lastState=ended(1, "no route"),
        restartCount=3,
    ),
    _sidecar(
        "the image of a sidecar does not exist",
        conditions.IMAGE_PULL_FAILED,
        "the sidecar proxy: registry/proxy:1: not found",
        {"waiting": {"reason": "ErrImagePull", "message": "registry/proxy:1: not found"}},
    ),
    degraded(
        "the download of a pod without a cache needs more memory than its limit",
        conditions.OUT_OF_MEMORY,
        "the download needed more memory than its limit",
        pods_say(phase="Pending", initContainerStatuses=[container(OOM, name="fetch")]),
    ),
)
