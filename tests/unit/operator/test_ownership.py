from __future__ import annotations

from typing import Any

import pytest

from matinee_operator import labels
from matinee_operator.ownership import Whose, controller_text, may_change, put_back, whose
from matinee_operator.resources.headless_service import headless_service
from tests.unit.operator.making import service

UID = "uid-of-live"


def controlled(uid: str, *, controller: bool = True, kind: str = "StreamingService") -> Any:
    return {
        "ownerReferences": [{"kind": kind, "name": "live", "uid": uid, "controller": controller}]
    }


MADE = {"annotations": {labels.OWNER: UID}}
LABELS = {"labels": {labels.SERVICE: "live", labels.MANAGED_BY: labels.APP}}
CASES: dict[str, tuple[dict[str, Any], Whose]] = {
    "the owner controls it": (controlled(UID), Whose.OURS),
    "whatever its labels and annotations say": (
        {**controlled(UID), "labels": {}, "annotations": {labels.OWNER: "another"}},
        Whose.OURS,
    ),
    "another object of the same kind and name does": (controlled("former"), Whose.FOREIGN),
    "another does, although it was made for us": ({**MADE, **controlled("other")}, Whose.FOREIGN),
    "nobody does, and it was made for us": (MADE, Whose.ORPHAN),
    "our reference controls no more": ({**MADE, **controlled(UID, controller=False)}, Whose.ORPHAN),
    "it has our labels and nothing else": (LABELS, Whose.FOREIGN),
    "it was made for a former owner": ({"annotations": {labels.OWNER: "former"}}, Whose.FOREIGN),
    "we only own it, as others may": (controlled(UID, controller=False), Whose.FOREIGN),
    "nothing is known": ({}, Whose.FOREIGN),
    "there is nothing in it": ({"ownerReferences": None, "annotations": None}, Whose.FOREIGN),
}


@pytest.mark.parametrize("case", CASES)
def test_whose_an_object_is(case: str) -> None:
    meta, expected = CASES[case]
    assert whose({"metadata": meta}, UID) is expected
    assert may_change({"metadata": meta}, UID) is (expected is not Whose.FOREIGN)


def test_an_owner_that_is_gone_owns_nothing() -> None:
    for meta in ({"annotations": {labels.OWNER: ""}}, controlled("")):
        assert whose({"metadata": meta}, "") is Whose.FOREIGN


def test_people_are_told_whose_it_is() -> None:
    assert controller_text({"metadata": {}}) == "it has no controller"
    foreign = {"metadata": controlled("x", kind="Deployment")}
    assert controller_text(foreign) == "its controller is Deployment live"


WANTED = headless_service(service())
META = WANTED["metadata"]
(REFERENCE,) = META["ownerReferences"]
STRANGER = {"kind": "Team", "name": "video", "uid": "t"}
EDITED: dict[str, tuple[dict[str, Any], dict[str, Any] | None]] = {
    "nothing": ({}, None),
    "labels and annotations of others": (
        {
            "labels": {**META["labels"], "team": "x"},
            "annotations": {**META["annotations"], "note": "x"},
            "ownerReferences": [STRANGER, REFERENCE],
        },
        None,
    ),
    "a label is gone": (
        {"labels": {k: v for k, v in META["labels"].items() if k != labels.MANAGED_BY}},
        {"labels": {labels.MANAGED_BY: labels.APP}},
    ),
    "all labels and annotations are gone": (
        {"labels": None, "annotations": None},
        {"labels": META["labels"], "annotations": META["annotations"]},
    ),
    "a label is another": (
        {"labels": {**META["labels"], labels.SERVICE: "other"}},
        {"labels": {labels.SERVICE: "live"}},
    ),
    "the reference is gone": (
        {"ownerReferences": None},
        {"ownerReferences": [REFERENCE], "resourceVersion": "7"},
    ),
    "the reference controls no more": (
        {"ownerReferences": [{**REFERENCE, "controller": False}, STRANGER]},
        {"ownerReferences": [STRANGER, REFERENCE], "resourceVersion": "7"},
    ),
    "the reference has another name": (
        {"ownerReferences": [{**REFERENCE, "name": "other"}]},
        {"ownerReferences": [REFERENCE], "resourceVersion": "7"},
    ),
}


@pytest.mark.parametrize("case", EDITED)
def test_what_is_put_back(case: str) -> None:
    edited, expected = EDITED[case]
    raw = {**WANTED, "metadata": {**META, "resourceVersion": "7", **edited}}
    assert put_back(WANTED, raw) == expected
