"""What makes a revision what it is: its configuration, kept as long as pods of it may be made or
start again, and its record, of which some more are kept to go back to.
"""

from __future__ import annotations

from collections.abc import Iterator

from matinee_api.contracts.revisions import number_of
from matinee_operator.actions import Action, Create
from matinee_operator.desired import DesiredPods, DesiredService
from matinee_operator.objects import Object, key_of
from matinee_operator.observe.snapshot import ServiceSnapshot
from matinee_operator.plan.compare import applied, deleted, restored, stale
from matinee_operator.resources.admin_secret import secret_name
from matinee_operator.resources.metadata import Manifest
from matinee_operator.resources.revision_record import (
    config_of,
    is_record,
    is_sealed,
    record_marks,
    record_name,
    recorded_pod,
    revision_record,
)
from matinee_operator.resources.runtime_config import runtime_config
from matinee_operator.resources.runtime_pod import runtime_pod


def pod_of(snapshot: ServiceSnapshot, desired: DesiredService) -> Manifest | None:
    """A pod of any slot, of the revision that is carried out."""
    if desired.held is not None:
        return desired.held.pod
    return _fresh(snapshot, desired.pods) if desired.pods else None


def _fresh(snapshot: ServiceSnapshot, pods: DesiredPods) -> Manifest | None:
    if snapshot.model is None:
        return None
    return runtime_pod(
        snapshot.model,
        snapshot.service,
        snapshot.installation,
        weights=pods.weights,
        config=pods.config.name,
        revision=pods.target.revision,
        slot=0,
        attempt=0,
        secret=secret_name(snapshot.service, *snapshot.pod_tokens[0]),
    )


def revision_of_service(snapshot: ServiceSnapshot, desired: DesiredService) -> Iterator[Action]:
    """The configuration of the newest revision, and its record once pods of it may be made."""
    if desired.pods is None:
        return
    yield from applied(snapshot.children, [runtime_config(snapshot.service, desired.pods.config)])
    if desired.held is not None:
        return
    revision, seal_key = desired.pods.target.revision, snapshot.seal_keys[0]
    number = _number(snapshot, revision)
    marks = record_marks(snapshot.service, revision, number)
    observed = snapshot.children.get(key_of(marks))
    if observed and not is_sealed(observed, (seal_key,)):
        yield from deleted(key_of(marks), observed)  # it is sealed with a former key, or not by us
    elif observed:
        yield from restored(snapshot.children, [marks])
    elif pod := _fresh(snapshot, desired.pods):
        yield Create(revision_record(snapshot.service, revision, pod, seal_key, number))


def _number(snapshot: ServiceSnapshot, revision: str) -> int:
    """The largest, also for a former revision that is wanted again."""
    name = record_name(snapshot.service, revision)
    records = dict(_records(snapshot))
    own = number_of(records.pop(name)) if name in records else 0
    newest = max(map(number_of, records.values()), default=0)
    return own if own > newest else newest + 1


def _records(snapshot: ServiceSnapshot) -> Iterator[tuple[str, Object]]:
    for key, raw in snapshot.children.items():
        if key.kind == "ConfigMap" and is_record(key.name):
            yield key.name, raw


def old_revisions(snapshot: ServiceSnapshot, desired: DesiredService) -> Iterator[Action]:
    """Delete what no pod can be made of, or start with, any more, and nobody may go back to; and
    records that somebody else wrote."""
    if desired.pods is None:
        return
    status = snapshot.service.status
    before = status.current_revision if status else None
    present, pods = desired.pods.target.revision, snapshot.pods
    revisions = {desired.target.revision, before or "", *(pod.revision for pod in pods)}
    sealed = {name for name, raw in _records(snapshot) if is_sealed(raw, snapshot.seal_keys)}
    records = sealed & {record_name(snapshot.service, revision) for revision in revisions}
    records.add(record_name(snapshot.service, present))
    used = {pod.config for pod in pods}  # a pod that starts again reads its own
    kept = {desired.pods.config.name, *used, *records, *_former(snapshot, sealed - records)}
    if any(stale(snapshot.children, "ConfigMap", kept)):
        kept |= set(_recorded_configs(snapshot, records))
    yield from stale(snapshot.children, "ConfigMap", kept)


def _former(snapshot: ServiceSnapshot, records: set[str]) -> list[str]:
    """Of these records those that are kept to go back to."""
    found = [(number_of(raw), name) for name, raw in _records(snapshot) if name in records]
    limit = snapshot.service.spec.rollout.revision_history_limit
    return [name for _, name in sorted(found, reverse=True)[:limit]]


def _recorded_configs(snapshot: ServiceSnapshot, records: set[str]) -> Iterator[str]:
    """What pods would read that can be made by these records."""
    for key, raw in snapshot.children.items():
        if key.kind == "ConfigMap" and key.name in records:
            pod = recorded_pod(raw, snapshot.seal_keys)
            yield from [config_of(pod)] if pod else []
