"""Whose an object is. Every write and every deletion asks here. Pure.

A child is ours when its controller is the object that it was made for, by uid. Names and labels are
anybody's to choose, so they decide nothing. A child whose controller was taken away is known by an
annotation with the uid of its owner, and is adopted again. Everything else is somebody else's: it
is neither changed nor deleted, and a condition names it.
"""

from __future__ import annotations

from enum import Enum
from typing import Any

from matinee_operator import labels
from matinee_operator.objects import Object, is_within


class Whose(Enum):
    OURS = "its controller is the owner"
    ORPHAN = "it was made for the owner, and nobody controls it any more"
    FOREIGN = "somebody else's"


def whose(raw: Object, owner_uid: str) -> Whose:
    """`owner_uid`: of the object of this API that is reconciled."""
    controller = controller_of(raw)
    if not owner_uid:
        return Whose.FOREIGN
    if controller is not None:
        return Whose.OURS if controller.get("uid") == owner_uid else Whose.FOREIGN
    return Whose.ORPHAN if made_for(raw) == owner_uid else Whose.FOREIGN


def may_change(raw: Object, owner_uid: str) -> bool:
    """Whether it may be changed and deleted for this owner."""
    return whose(raw, owner_uid) is not Whose.FOREIGN


def controller_of(raw: Object) -> Object | None:
    """The one owner reference that says so; Kubernetes allows no second one."""
    references = raw["metadata"].get("ownerReferences") or ()
    return next((one for one in references if one.get("controller")), None)


def made_for(raw: Object) -> str | None:
    """The uid of the owner that it was made for, as it says itself."""
    annotations = raw["metadata"].get("annotations") or {}
    return annotations.get(labels.OWNER)


def owner_of(manifest: Object) -> str:
    """The uid of the owner that a desired object is made for."""
    return str(manifest["metadata"]["ownerReferences"][0]["uid"])


def put_back(wanted: Object, raw: Object) -> dict[str, Any] | None:
    """The metadata to merge into `raw`, so that its labels, annotations and owner are those of
    `wanted` again; None: nothing is missing. What others added stays. References come with the
    version that was read, so that none that is added meanwhile is lost.
    """
    meta, ours = raw["metadata"], wanted["metadata"]
    change: dict[str, Any] = {}
    for part in ("labels", "annotations"):
        present = meta.get(part) or {}
        missing = {k: value for k, value in ours.get(part, {}).items() if present.get(k) != value}
        if missing:
            change[part] = missing
    (reference,), references = ours["ownerReferences"], meta.get("ownerReferences") or []
    if not any(is_within(reference, one) for one in references):
        others = [one for one in references if one.get("uid") != reference["uid"]]
        change["ownerReferences"] = [*others, reference]
        change["resourceVersion"] = meta["resourceVersion"]
    return change or None


def controller_text(raw: Object) -> str:
    """For people: whose it is."""
    controller = controller_of(raw)
    if controller is None:
        return "it has no controller"
    return f"its controller is {controller.get('kind')} {controller.get('name')}"
