from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from matinee.cli.revisions import chosen, recorded, revisions_of, table, way_back
from matinee.errors import BadInput

POD = {"image": "own:1"}
SPEC: dict[str, Any] = {"modelRef": {"name": "tiny"}, "pod": POD, "sessions": {"maxPerPod": 2}}


def record(number: int, owner: str = "uid", **spec: Any) -> dict[str, Any]:
    meta = {
        "labels": {"matinee.video/revision": f"hash{number}"},
        "annotations": {"matinee.video/revision-number": str(number)},
        "creationTimestamp": "2026-11-29T00:00:00Z",
        "ownerReferences": [{"uid": owner, "controller": True}],
    }
    pod = {"spec": {"containers": [{"image": spec.get("pod", POD)["image"]}]}}
    data = {"spec.json": json.dumps(SPEC | spec), "pod.json": json.dumps(pod)}
    return {"metadata": meta, "data": data}


def service(**status: Any) -> dict[str, Any]:
    told = {"observedGeneration": 7, "updateRevision": "hash3"} | status
    meta = {"name": "live", "uid": "uid", "generation": 7}
    return {"metadata": meta, "spec": {**SPEC, "replicas": 5}, "status": told}


NOTHING = {**record(4), "data": {"spec.json": "[" * 9}}
UNNUMBERED = record(int("9" * 4000))
RECORDS = [
    *(UNNUMBERED, NOTHING, record(9, "another")),
    *(record(2, pod={"image": "own:0"}), record(1), record(3)),
]


def test_the_table_tells_what_changed() -> None:
    lines = table(service(), revisions_of(service(), RECORDS))
    assert [line.split() for line in lines] == [
        ["REVISION", "HASH", "MADE", "IMAGE", "CHANGED"],
        ["1", "hash1", "2026-11-29T00:00:00Z", "own:1"],
        ["2", "hash2", "2026-11-29T00:00:00Z", "own:0", "pod.image"],
        ["3", "*", "hash3", "2026-11-29T00:00:00Z", "own:1", "pod.image"],
    ]


def test_the_way_back_replaces_what_differs_and_holds_for_what_was_read() -> None:
    target = chosen(service(), revisions_of(service(), RECORDS), None)
    test, *changes = way_back(service(), target)
    assert test == {"op": "test", "path": "/metadata/generation", "value": 7}
    assert {"op": "add", "path": "/spec/pod", "value": {"image": "own:0"}} in changes
    assert not any("replicas" in change["path"] for change in changes)


def test_from_a_paused_rollout_the_way_leads_to_the_revision_that_is_held() -> None:
    paused = service(updateRevision="not recorded")
    assert chosen(paused, revisions_of(paused, RECORDS), None).number == 3


REFUSED: dict[str, tuple[dict[str, Any], list[Any], int | None, str]] = {
    "one that is not there": ({}, RECORDS, 8, "there is no former revision 8; there are: 1, 2"),
    "the first": (
        {"updateRevision": "hash1"},
        [record(1)],
        None,
        "there is no former revision; there are: none",
    ),
    "no records": ({}, [], None, "there is no former revision; there are: none"),
    "a change that nobody has seen": ({"observedGeneration": 6}, RECORDS, None, "try again"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_no_way_back_to(case: str) -> None:
    status, records, number, says = REFUSED[case]
    found = service(**status)
    with pytest.raises(BadInput, match=says):
        chosen(found, revisions_of(found, records), number)


def test_a_revision_that_the_model_made_is_not_gone_back_to() -> None:
    found = service()
    (first, *_) = revisions_of(found, RECORDS)
    same = dataclasses.replace(first, spec=recorded(found))
    with pytest.raises(BadInput, match="VideoModel tiny"):
        way_back(found, same)
