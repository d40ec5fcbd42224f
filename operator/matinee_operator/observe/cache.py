"""What was last seen of every object that matters: fed by watches, by our own writes and by
full relists. Newer versions win, whatever the order in which they arrive.

Children are found by whatever hints at their owner: the uid of their controller, the uid that they
say they were made for, and their labels. What the hints are worth, `ownership` decides.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field

from matinee_api.kinds.resource import KINDS
from matinee_operator import labels
from matinee_operator.objects import Key, Object, key_of
from matinee_operator.observe.trimming import trimmed
from matinee_operator.ownership import controller_of, made_for

OWN_KINDS = tuple(KINDS)
OWNERS = (*OWN_KINDS, "Job")
OTHERS = ("EndpointSlice", "ReplicaSet")
"""Made by others for what we make: read, and neither looked for nor put back."""
REMEMBERED_GONE = 4096
"""Deleted objects whose late events are still recognised."""
MOST_DOUBTFUL = 256
"""Children of one object that are looked for once more."""


@dataclass(slots=True)
class Cache:
    """Objects by kind and key, and children by what hints at their owner."""

    _kinds: dict[str, dict[Key, Object]] = field(default_factory=dict)
    _hinted: dict[Key | str, set[Key]] = field(default_factory=dict)
    _owners: dict[str, Key] = field(default_factory=dict)
    _gone: OrderedDict[str, int] = field(default_factory=OrderedDict)
    _doubtful: dict[Key, set[Key]] = field(default_factory=dict)

    def get(self, key: Key) -> Object | None:
        return self._kinds.get(key.kind, {}).get(key)

    def put(self, raw: Object) -> bool:
        """Whether it was news. One that went may come back: a watch of some labels also tells that
        an object is gone when it only lost one of them."""
        key, uid = key_of(raw), raw["metadata"].get("uid", "")
        known = self.get(key)
        if _version(raw) <= self._gone.get(uid, -1) or (known and not _is_newer(raw, known)):
            return False
        self._drop(key)
        self._kinds.setdefault(key.kind, {})[key] = trimmed(raw)
        if key.kind in OWNERS:
            self._owners[uid] = key
        for hint in _hints(raw):
            self._hinted.setdefault(hint, set()).add(key)
        return True

    def remove(self, raw: Object) -> bool:
        """Whether it was known. An object of the same name that came after it stays. One that was
        not being deleted may only have left the watch."""
        key, uid = key_of(raw), raw["metadata"].get("uid", "")
        is_deleted = "deletionTimestamp" in raw["metadata"]
        # One that left the watch is there in the very version that the watch tells.
        self._gone[uid] = max(_version(raw) - (not is_deleted), self._gone.pop(uid, 0))
        while len(self._gone) > REMEMBERED_GONE:
            self._gone.popitem(last=False)
        known = self.get(key)
        if known is None or known["metadata"].get("uid") != uid:
            return False
        if not is_deleted and key.kind not in OTHERS:
            self._doubt(key, self.roots(known))
        self._doubtful.pop(key, None)
        self._drop(key)
        return True

    def doubtful(self, root: Key) -> list[Key]:
        """Children that are said to be gone and may only have lost their labels."""
        return sorted(self._doubtful.get(root, ()))

    def looked_for(self, root: Key, child: Key) -> None:
        """It is no longer doubtful whether it is gone."""
        self._doubtful.get(root, set()).discard(child)

    def _doubt(self, key: Key, roots: set[Key]) -> None:
        for root in roots:
            if self.get(root) and len(self._doubtful.get(root, ())) < MOST_DOUBTFUL:
                self._doubtful.setdefault(root, set()).add(key)

    def children(self, owner: Key) -> dict[Key, Object]:
        """All that hints at this object as its owner, one of this API or a Job. Nothing owns what
        is in another namespace, whatever that says."""
        raw = self.get(owner)
        uid = raw["metadata"].get("uid", "") if raw else ""
        found = self._hinted.get(owner, set()) | self._hinted.get(uid, set())
        here = sorted(key for key in found if key.namespace == owner.namespace)
        return {key: self._kinds[key.kind][key] for key in here}

    def endpoints(self, front: Key) -> set[str]:
        """Uids of the pods that the Service of this StreamingService sends new connections to."""
        slices = (raw for key, raw in self.children(front).items() if key.kind == "EndpointSlice")
        return {uid for one in slices for uid in one["ready"]}

    def roots(self, raw: Object) -> set[Key]:
        """The objects of this API that it may belong to: those that its change concerns."""
        found = set()
        for hint in _hints(raw):
            owner = self._owners.get(hint) if isinstance(hint, str) else hint
            if owner is None or owner.namespace != raw["metadata"].get("namespace", ""):
                continue
            if owner.kind != "Job":
                found.add(owner)
            elif raw["kind"] == "Pod":
                found |= self.roots(self._kinds["Job"][owner])
        return found

    def of_kind(self, kind: str, namespace: str | None = None) -> Iterator[Object]:
        for key, found in list(self._kinds.get(kind, {}).items()):
            if namespace in (None, key.namespace):
                yield found

    def is_news(self, listed: Object) -> bool:
        """Whether what was just listed, by its metadata, is newer than what is known."""
        return _is_newer(listed, self.get(key_of(listed)) or {})

    def _drop(self, key: Key) -> None:
        known = self._kinds.get(key.kind, {}).pop(key, None)
        if known is None:
            return
        self._owners.pop(known["metadata"].get("uid", ""), None)
        for hint in _hints(known):
            self._hinted[hint].discard(key)
            if not self._hinted[hint]:
                del self._hinted[hint]


def _hints(raw: Object) -> set[Key | str]:
    """Uids and names of what may own a child. The kinds of this API are nobody's children."""
    if raw["kind"] in OWN_KINDS:
        return set()
    controller, maker, labelled = controller_of(raw), made_for(raw), _labelled(raw)
    uid = controller.get("uid") if controller else None
    return {hint for hint in (uid, maker, labelled) if hint}


def _labelled(raw: Object) -> Key | None:
    meta = raw["metadata"]
    marks, namespace = meta.get("labels") or {}, meta.get("namespace", "")
    if labels.SERVICE in marks:
        return Key("StreamingService", namespace, marks[labels.SERVICE])
    if labels.ROUTER in marks:
        return Key("Router", namespace, marks[labels.ROUTER])
    if labels.MODEL in marks:
        return Key("VideoModel", namespace, marks[labels.MODEL])
    return None


def _is_newer(raw: Object, known: Object) -> bool:
    """Versions of one object are numbers that grow."""
    if not known or raw["metadata"].get("uid") != known["metadata"].get("uid"):
        return True
    return _version(raw) > _version(known)


def _version(raw: Object) -> int:
    return int(raw["metadata"].get("resourceVersion", "0"))
