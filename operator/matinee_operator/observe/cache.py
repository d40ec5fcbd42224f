"""What was last seen of every object that matters: fed by watches, by our own writes and by
full relists. Newer versions win, whatever the order in which they arrive.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from matinee_api.kinds.resource import KINDS
from matinee_operator import labels
from matinee_operator.objects import Key, Object, key_of
from matinee_operator.observe.nodes import is_leaving

OWN_KINDS = tuple(KINDS)
REMEMBERED_GONE = 4096
"""Deleted objects whose late events are still recognised."""
_POD_SPEC = ("nodeName",)
_META = (
    *("name", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp"),
    *("deletionTimestamp", "labels", "annotations", "finalizers", "ownerReferences"),
)


@dataclass(slots=True)
class Cache:
    """Objects by kind and key, and children by the object that they belong to."""

    _kinds: dict[str, dict[Key, Object]] = field(default_factory=dict)
    _children: dict[Key, set[Key]] = field(default_factory=dict)
    _gone: OrderedDict[str, None] = field(default_factory=OrderedDict)

    def get(self, key: Key) -> Object | None:
        return self._kinds.get(key.kind, {}).get(key)

    def put(self, raw: Object) -> bool:
        """Whether it was news."""
        key, meta = key_of(raw), raw["metadata"]
        known = self.get(key)
        if meta.get("uid") in self._gone or (known and not _is_newer(raw, known)):
            return False
        self._drop(key)
        self._kinds.setdefault(key.kind, {})[key] = trimmed(raw)
        root = root_of(raw)
        if root is not None:
            self._children.setdefault(root, set()).add(key)
        return True

    def remove(self, raw: Object) -> bool:
        """Whether it was known. An object of the same name that came after it stays."""
        key, uid = key_of(raw), raw["metadata"].get("uid", "")
        self._gone[uid] = None
        while len(self._gone) > REMEMBERED_GONE:
            self._gone.popitem(last=False)
        known = self.get(key)
        if known is None or known["metadata"].get("uid") != uid:
            return False
        self._drop(key)
        return True

    def children(self, root: Key) -> dict[Key, Object]:
        return {key: self._kinds[key.kind][key] for key in sorted(self._children.get(root, ()))}

    def of_kind(self, kind: str, namespace: str | None = None) -> Iterator[Object]:
        for key, found in list(self._kinds.get(kind, {}).items()):
            if namespace in (None, key.namespace):
                yield found

    def missed(self, listed: Iterable[Object]) -> list[Object]:
        """Of what was just listed, the changes that the watches missed."""
        return [raw for raw in listed if _is_newer(raw, self.get(key_of(raw)) or {})]

    def _drop(self, key: Key) -> None:
        known = self._kinds.get(key.kind, {}).pop(key, None)
        root = root_of(known) if known else None
        if root in self._children:
            self._children[root].discard(key)
            if not self._children[root]:
                del self._children[root]


def root_of(raw: Object) -> Key | None:
    """The object of this API that a child belongs to, by its labels."""
    if raw["kind"] in OWN_KINDS:
        return None
    meta = raw["metadata"]
    marks, namespace = meta.get("labels") or {}, meta.get("namespace", "")
    if labels.SERVICE in marks:
        return Key("StreamingService", namespace, marks[labels.SERVICE])
    if labels.ROUTER in marks:
        return Key("Router", namespace, marks[labels.ROUTER])
    if labels.MODEL in marks:
        return Key("VideoModel", namespace, marks[labels.MODEL])
    return None


def trimmed(raw: Object) -> Object:
    """Without what nobody reads: of pods the spec, of everything the managed fields."""
    meta = {name: raw["metadata"][name] for name in _META if name in raw["metadata"]}
    kept = {**raw, "metadata": meta}
    if raw["kind"] == "Pod":
        spec = raw.get("spec", {})
        kept["spec"] = {name: spec[name] for name in _POD_SPEC if name in spec}
    elif raw["kind"] == "Node":
        kept["spec"] = {"leaving": is_leaving(raw)}
        kept.pop("status", None)
    elif raw["kind"] == "Job":
        kept.pop("spec", None)
    return kept


def _is_newer(raw: Object, known: Object) -> bool:
    """Versions of one object are numbers that grow."""
    if not known or raw["metadata"].get("uid") != known["metadata"].get("uid"):
        return True
    return _version(raw) > _version(known)


def _version(raw: Object) -> int:
    return int(raw["metadata"].get("resourceVersion", "0"))
