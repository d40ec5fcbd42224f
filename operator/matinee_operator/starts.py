"""How long a service's pods take until they serve: measured, and remembered in the status, because
it is of use when there is no pod. Pure."""

from __future__ import annotations

import math

from matinee_api.contracts.endpoints import LONGEST_START_S
from matinee_api.kinds.streamingservice import LastStart
from matinee_operator.objects import stamp
from matinee_operator.observe.snapshot import ServiceSnapshot


def last_start(snapshot: ServiceSnapshot) -> LastStart | None:
    """Of the newest pod that has become ready. Each is measured once: that it was ready, lost that
    and is ready again says nothing of a start."""
    before = snapshot.service.status.last_start if snapshot.service.status else None
    starts = [
        (pod.created, pod.ready_since)
        for pod in snapshot.pods
        if pod.ready_since is not None and pod.ready_since >= pod.created
    ]
    if not starts:
        return before
    created, ready = max(starts)
    began = stamp(created)
    seconds = max(1, math.ceil((ready - created).total_seconds()))
    if (before is not None and began <= before.began) or seconds > LONGEST_START_S:
        return before
    return LastStart(began=began, seconds=seconds)
