"""What keeps a pod from serving: the words of Kubernetes -> a reason and a sentence. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from matinee_api.kinds import conditions
from matinee_operator.objects import Object, condition
from matinee_operator.observe.fetch_result import first_failure

OUR_CONTAINERS = {
    "runtime": "the runtime",
    "fetch": "the download",
    "warmup": "the warm-up",
    "router": "the router",
}
"""Others are sidecars. What people call ours."""
_PULL = frozenset(
    {
        *("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"),
        *("ImageInspectError", "RegistryUnavailable", "SignatureValidationFailed"),
    }
)
_CONFIG = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError"})


@dataclass(frozen=True, slots=True)
class Trouble:
    """What keeps a pod from serving: a reason of `conditions.py` and a sentence."""

    reason: str
    message: str


def pod_trouble(raw: Object) -> Trouble | None:
    """The most specific problem of a pod."""
    status = raw.get("status", {})
    disrupted = condition(status, "DisruptionTarget")
    if disrupted.get("status") == "True":
        if disrupted.get("reason") == "DeletionByTaintManager":
            node = raw.get("spec", {}).get("nodeName")
            message = f"node {node} does not answer, or was tainted NoExecute"
            return Trouble(conditions.NODE_LOST, message)
        return Trouble(conditions.POD_FAILED, _sentence(disrupted, "the pod was evicted"))
    if status.get("phase") == "Failed":
        return Trouble(conditions.POD_FAILED, _sentence(status, "the pod ended"))
    scheduled = condition(status, "PodScheduled")
    if scheduled.get("status") == "False":
        return Trouble(conditions.UNSCHEDULABLE, _sentence(scheduled, "no node has room"))
    return _containers_trouble(status)


def _containers_trouble(status: Object) -> Trouble | None:
    """The first problem of the containers, of ours before those of sidecars."""
    every = [
        container
        for kind in ("initContainerStatuses", "containerStatuses")
        for container in status.get(kind, [])
    ]
    found = map(_container_trouble, sorted(every, key=is_sidecar))
    return next((trouble for trouble in found if trouble), None)


def is_sidecar(container: Object) -> bool:
    """Somebody injected it."""
    return _name(container) not in OUR_CONTAINERS


def _name(container: Object) -> str:
    return str(container.get("name", "runtime"))


def _container_trouble(container: Object) -> Trouble | None:
    waiting = container.get("state", {}).get("waiting", {})
    reason, whose = waiting.get("reason", ""), _whose(container)
    if reason in _PULL:
        message = _sentence(waiting, str(container.get("image")))
        return Trouble(conditions.IMAGE_PULL_FAILED, whose + message)
    if reason in _CONFIG:
        return Trouble(conditions.POD_CONFIG_INVALID, whose + _sentence(waiting, reason))
    return _end_trouble(container, loops=reason == "CrashLoopBackOff")


def _end_trouble(container: Object, *, loops: bool) -> Trouble | None:
    """What the last end of a container says."""
    last = container.get("state", {}).get("terminated") or container.get("lastState", {}).get(
        "terminated", {}
    )
    if last.get("reason") == "OOMKilled":
        who = OUR_CONTAINERS.get(_name(container), f"the sidecar {_name(container)}")
        return Trouble(conditions.OUT_OF_MEMORY, f"{who} needed more memory than its limit")
    failure = None if is_sidecar(container) else first_failure(last.get("message", ""))
    if failure is not None and failure.reason is not None:
        return Trouble(failure.reason, failure.message)
    restarts = container.get("restartCount", 0)
    if loops or restarts > 1:
        summary = f"{_whose(container)}restarted {restarts} times, exit code {last.get('exitCode')}"
        message = last_line(last.get("message", ""))
        return Trouble(conditions.CRASH_LOOPING, f"{summary}: {message}" if message else summary)
    return None


def _whose(container: Object) -> str:
    """Of ours nothing need be said."""
    return f"the sidecar {_name(container)}: " if is_sidecar(container) else ""


def _sentence(state: Object, otherwise: str) -> str:
    return str(state.get("message") or state.get("reason") or otherwise)[:1000]


def last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].strip()[:300] if lines else ""
