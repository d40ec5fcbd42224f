"""Whether a child is as it should be already. A child that is costs no write."""

from __future__ import annotations

from collections.abc import Iterator

from matinee_operator.actions import Action, Apply
from matinee_operator.objects import Key, is_within, key_of
from matinee_operator.observe.snapshot import Children
from matinee_operator.resources.metadata import Manifest, stamped


def applied(children: Children, manifests: list[Manifest]) -> Iterator[Action]:
    """Apply those that differ from what is observed."""
    for manifest in map(stamped, manifests):
        observed = children.get(key_of(manifest))
        if observed is None or not is_within(manifest, observed):
            yield Apply(manifest)


def stale(children: Children, kind: str, kept: set[str]) -> list[Key]:
    """Children of a kind that no plan asks for any more."""
    return [key for key in children if key.kind == kind and key.name not in kept]


def uid_of(children: Children, key: Key) -> str:
    return str(children[key]["metadata"]["uid"])
