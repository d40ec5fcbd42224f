"""Labels of pods that change while they live: busy and accepting.

New sessions go only to the newest revision that has a serving pod: the other pods lose the label
that Services select, and get it back should the newer ones stop to serve.
"""

from __future__ import annotations

from collections.abc import Iterator

from matinee_operator import labels
from matinee_operator.actions import Action, Patch
from matinee_operator.desired import RolloutTarget
from matinee_operator.objects import Key
from matinee_operator.observe.pods import ObservedPod
from matinee_operator.observe.snapshot import ServiceSnapshot
from matinee_operator.plan.rollout import Rollout
from matinee_operator.resources.metadata import namespace_of

MARKS = (labels.BUSY, labels.ACCEPTING)


def marks(snapshot: ServiceSnapshot, target: RolloutTarget, decided: Rollout) -> Iterator[Action]:
    newest_serves = any(
        pod.serving and not target.outdates(pod) and pod not in decided.cordoned
        for pod in snapshot.pods
    )
    for pod in snapshot.pods:
        if not pod.live or pod.finished or pod in decided.deleted:
            continue
        going = pod.cordoned or pod in decided.cordoned
        accepting = not going and not (newest_serves and target.outdates(pod))
        if changed := _changed(pod, accepting=accepting):
            key = Key("Pod", namespace_of(snapshot.service.metadata), pod.name)
            yield Patch(key, pod.uid, {"labels": changed})


def _changed(pod: ObservedPod, *, accepting: bool) -> dict[str, str | None]:
    """Labels to set, and with None those to remove."""
    present = {name: value for name, value in (pod.labels or {}).items() if name in MARKS}
    wanted = {}
    if accepting:
        wanted[labels.ACCEPTING] = "true"
    if pod.sessions or (pod.slots is None and labels.BUSY in present):
        wanted[labels.BUSY] = "true"
    changed: dict[str, str | None] = {
        name: value for name, value in wanted.items() if present.get(name) != value
    }
    return changed | {name: None for name in present if name not in wanted}
