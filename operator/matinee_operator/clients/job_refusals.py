"""Why a Job has no pods: the Job controller says so in Events only, and retries in silence."""

from __future__ import annotations

from collections.abc import Iterable

from matinee_operator.clients.kube import Kube
from matinee_operator.objects import Object

AGAIN_S = 5.0
"""No event of ours says that a Job still has no pod."""


async def job_refusals(kube: Kube, idle: Iterable[Object]) -> dict[str, str]:
    """Of these Jobs, which run and have no pod: uid -> why the API server refused the last one."""
    found = {job["metadata"]["uid"]: await _last_refusal(kube, job) for job in idle}
    return {uid: message for uid, message in found.items() if message}


async def _last_refusal(kube: Kube, job: Object) -> str:
    meta = job["metadata"]
    about = f"involvedObject.uid={meta['uid']},reason=FailedCreate"
    found = await kube.list("Event", meta["namespace"], fields=about)
    return str(max(found, key=_when, default={}).get("message", ""))


def _when(event: Object) -> str:
    return str(event.get("lastTimestamp") or event["metadata"].get("creationTimestamp", ""))
