"""Services for which there is nothing to do, now or later, until something changes.

A full relist reconciles every object. Most are as they were the last time, when no action followed
and no time to look again; the versions of what a plan is made from show that.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from matinee_api.kinds import conditions
from matinee_operator.objects import Key, Object, condition
from matinee_operator.observe.pods import Slots
from matinee_operator.observe.snapshots import Snapshots


@dataclass(slots=True)
class Resting:
    """Only StreamingServices rest: of the other kinds there are few, and they read many objects."""

    snapshots: Snapshots
    _known: dict[Key, int] = field(default_factory=dict)

    def inputs(self, key: Key) -> int | None:
        """The same number as long as nothing has changed, but for the time, that the plan and the
        status of this service are made from; None: it does not rest."""
        cache = self.snapshots.cache
        raw = cache.get(key)
        if raw is None or key.kind != "StreamingService" or not _is_rolled_out(raw):
            return None
        model = cache.get(Key("VideoModel", key.namespace, raw["spec"]["modelRef"]["name"]))
        children = cache.children(key)
        pods = (child for name, child in children.items() if name.kind == "Pod")
        fronts = self.snapshots.fronts
        front = fronts.of(key)
        facts = (
            self.snapshots.installation,
            *(_version(raw), model and _version(model)),
            *((name, _version(child)) for name, child in children.items()),
            *((*self._facts_of(pod), front.unaware(pod)) for pod in pods),
            *fronts.routers_of(key),
            fronts.waiting_for(key),
        )
        return hash(facts)

    def rests(self, key: Key, inputs: int | None) -> bool:
        return inputs is not None and self._known.get(key) == inputs

    def note(self, key: Key, inputs: int | None, *, at_rest: bool) -> None:
        """`inputs`: those that it was reconciled from."""
        if at_rest and inputs is not None:
            self._known[key] = inputs
        else:
            self._known.pop(key, None)

    def _facts_of(self, pod: Object) -> tuple[Slots | None, bool, bool]:
        """What does not come with its version."""
        uid, node = pod["metadata"]["uid"], pod["spec"].get("nodeName")
        heard = self.snapshots.heard
        return heard.slots(uid), heard.token_refused(uid), self.snapshots.is_leaving(node)


def _is_rolled_out(service: Object) -> bool:
    """A rollout may come to be late, although nothing changes."""
    progressing = condition(service.get("status") or {}, conditions.PROGRESSING)
    return progressing.get("status") == "False"


def _version(raw: Object) -> tuple[str, str]:
    return raw["metadata"].get("uid", ""), raw["metadata"].get("resourceVersion", "")
