from __future__ import annotations

import json

import pytest

from matinee_api.contracts.revisions import NUMBER_ANNOTATION, SPEC_FILE, number_of
from matinee_operator.actions import Create, Delete, Patch
from matinee_operator.objects import Key, Object
from matinee_operator.observe.snapshot import Children
from matinee_operator.observe.trimming import trimmed
from matinee_operator.resources.revision_record import record_name, revision_record
from tests.unit.operator.making import planned, service, snapshot
from tests.unit.operator.plan.test_service import REVISION

SEAL_KEY, FORMER_KEY = "k", "former"


def record(revision: str, number: int, key: str = SEAL_KEY) -> tuple[Key, Object]:
    made = revision_record(service(), revision, {"spec": {"volumes": [CONFIG]}}, key, number)
    meta = {**made["metadata"], "uid": revision, "resourceVersion": "1"}
    return Key("ConfigMap", "demo", meta["name"]), trimmed({**made, "metadata": meta})


CONFIG = {"name": "config", "configMap": {"name": "live-any"}}


def changes(children: Children, limit: int) -> list[str]:
    """Of records: which are made and under which number, and which go."""
    told = []
    wanted = service(rollout={"revisionHistoryLimit": limit})
    given = snapshot(service=wanted, children=children, seal_keys=(SEAL_KEY, FORMER_KEY))
    for action in planned(given):
        match action:
            case Create() if action.manifest["kind"] == "ConfigMap":
                told.append(f"made {number_of(action.manifest)}")
            case Patch() if action.target.kind == "ConfigMap":
                told.append(f"now {action.metadata['annotations'][NUMBER_ANNOTATION]}")
            case Delete() if action.target.kind == "ConfigMap":
                told.append(f"gone {action.target.name}")
    return told


HISTORIES: dict[str, tuple[dict[str, int], int, list[str]]] = {
    "the first revision": ({}, 10, ["made 1"]),
    "a revision that is recorded": ({"old": 1, REVISION: 2}, 10, []),
    "the next one": ({"old": 7}, 10, ["made 8"]),
    "a former one that is wanted again": ({REVISION: 1, "old": 2}, 10, ["now 3"]),
    "more than are kept": ({"a": 1, "b": 3, "c": 2}, 2, ["made 4", "gone live-a-pod"]),
    "none are kept but the present one": ({"a": 1, REVISION: 2}, 0, ["gone live-a-pod"]),
}


@pytest.mark.parametrize("case", HISTORIES)
def test_the_records_of_a_service(case: str) -> None:
    known, limit, expected = HISTORIES[case]
    children = dict(record(revision, number) for revision, number in known.items())
    assert changes(children, limit) == expected


@pytest.mark.parametrize("text", ["", "-1", "x", "9" * 5000])
def test_a_number_that_somebody_has_edited_is_none(text: str) -> None:
    key, made = record("old", 5)
    meta = {**made["metadata"], "annotations": {NUMBER_ANNOTATION: text}}
    assert changes({key: {**made, "metadata": meta}}, 10) == ["made 1"]


@pytest.mark.parametrize("part", ["pod.json", "spec.json", "seal"])
def test_a_record_that_somebody_else_wrote_is_nothing_to_go_back_to(part: str) -> None:
    key, made = record("old", 5)
    forged = {**made, "data": {**made["data"], part: "theirs"}}
    assert changes({key: forged}, 10) == ["made 6", "gone live-old-pod"]


def test_a_former_key_keeps_the_history_and_the_present_revision_is_sealed_anew() -> None:
    children = dict([record("old", 5, FORMER_KEY), record(REVISION, 6, FORMER_KEY)])
    assert changes(children, 10) == [f"gone live-{REVISION}-pod"]
    children = dict([record("old", 5, FORMER_KEY)])
    assert changes(children, 10) == ["made 6"]


def test_a_record_holds_what_makes_a_revision() -> None:
    wanted = service(replicas=5, rollout={"maxSurge": 3}, pod={"image": "own:2"})
    spec = json.loads(revision_record(wanted, "a", {}, SEAL_KEY)["data"][SPEC_FILE])
    assert spec["pod"]["image"] == "own:2"
    assert not {"replicas", "rollout", "drain", "autoscaling"} & set(spec)
    assert record_name(wanted, "a") == "live-a-pod"
