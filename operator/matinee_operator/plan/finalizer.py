"""The finalizer, only where deleting waits for sessions; it goes at a deadline at the latest."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from matinee_operator import labels
from matinee_operator.actions import Action, Patch, Requeue
from matinee_operator.objects import Key, moment
from matinee_operator.observe.snapshot import ServiceSnapshot
from matinee_operator.resources.metadata import namespace_of

SLACK = timedelta(seconds=30)
"""After the drain deadline, for pods that do not go."""


def finalizer(snapshot: ServiceSnapshot) -> Iterator[Action]:
    meta = snapshot.service.metadata
    present = labels.FINALIZER in meta.finalizers
    wanted = snapshot.service.spec.drain.on_delete
    if meta.deletion_timestamp is not None:
        wanted = present and wanted and _must_wait(snapshot)
        if wanted:
            yield Requeue.at(_deadline(snapshot), snapshot.now)
    if wanted != present:
        others = [name for name in meta.finalizers if name != labels.FINALIZER]
        kept = [*others, labels.FINALIZER] if wanted else others
        target = Key("StreamingService", namespace_of(meta), meta.name)
        # The version guards against finalizers that somebody else adds at the same time.
        change = {"finalizers": kept, "resourceVersion": meta.resource_version}
        yield Patch(target, meta.uid or "", change)


def _must_wait(snapshot: ServiceSnapshot) -> bool:
    return any(pod.live for pod in snapshot.pods) and snapshot.now < _deadline(snapshot)


def _deadline(snapshot: ServiceSnapshot) -> datetime:
    asked = moment(snapshot.service.metadata.deletion_timestamp or "")
    return asked + timedelta(seconds=snapshot.service.spec.drain.timeout_seconds) + SLACK
