"""Whether a child is as it should be already. A child that is costs no write.

`Children` are ours, so that what is changed or deleted here is nobody else's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from matinee_operator.actions import Action, Apply, Delete, Patch
from matinee_operator.objects import Key, Object, is_within, key_of
from matinee_operator.observe.snapshot import Children
from matinee_operator.ownership import put_back
from matinee_operator.resources.metadata import Manifest, stamped


def applied(children: Children, manifests: list[Manifest]) -> Iterator[Action]:
    """Apply those that differ from what is observed."""
    for manifest in map(stamped, manifests):
        observed = children.get(key_of(manifest))
        if observed is None or not is_within(manifest, observed):
            yield Apply(manifest)


def restored(children: Children, manifests: Iterable[Manifest]) -> Iterator[Action]:
    """Of those that are made once and exist: labels, annotations and owner as they were made."""
    for manifest in manifests:
        key = key_of(manifest)
        observed = children.get(key)
        change = put_back(manifest, observed) if observed else None
        if observed and change:
            yield Patch(key, observed["metadata"]["uid"], change)


def stale(children: Children, kind: str, kept: set[str]) -> Iterator[Action]:
    """Delete those of a kind that no plan asks for any more."""
    for key, observed in children.items():
        if key.kind == kind and key.name not in kept:
            yield from deleted(key, observed)


def deleted(key: Key, observed: Object) -> Iterator[Action]:
    """Once: somebody's finalizer may hold it."""
    meta = observed["metadata"]
    if "deletionTimestamp" not in meta:
        yield Delete(key, meta["uid"], meta.get("resourceVersion", ""))
