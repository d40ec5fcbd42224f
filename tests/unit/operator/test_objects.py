from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from matinee_operator.objects import (
    Key,
    condition,
    content_hash,
    is_within,
    key_of,
    micro_stamp,
    moment,
    pruned,
    stamp,
)

WANTED = {"a": 1, "b": {"c": ["x", {"d": "y"}]}}
OBSERVED: dict[str, tuple[Any, bool]] = {
    "the same": (WANTED, True),
    "more fields, which the API server added": (
        {"a": 1, "b": {"c": ["x", {"d": "y", "e": 1}]}, "f": {}},
        True,
    ),
    "another value": ({"a": 2, "b": {"c": ["x", {"d": "y"}]}}, False),
    "a missing field": ({"b": {"c": ["x", {"d": "y"}]}}, False),
    "a longer list": ({"a": 1, "b": {"c": ["x", {"d": "y"}, "z"]}}, False),
    "a shorter list": ({"a": 1, "b": {"c": ["x"]}}, False),
    "text instead of a mapping": ({"a": 1, "b": "c"}, False),
    "nothing": ({}, False),
}


@pytest.mark.parametrize("case", OBSERVED)
def test_a_child_is_as_wanted(case: str) -> None:
    observed, expected = OBSERVED[case]
    assert is_within(WANTED, observed) is expected


def test_an_object_is_keyed_by_kind_namespace_and_name() -> None:
    pod = {"kind": "Pod", "metadata": {"namespace": "demo", "name": "live-0"}}
    assert key_of(pod) == Key("Pod", "demo", "live-0")
    assert key_of({"kind": "Node", "metadata": {"name": "one"}}) == Key("Node", "", "one")
    assert str(key_of(pod)) == "Pod demo/live-0"


def test_times_are_written_as_kubernetes_writes_them() -> None:
    when = datetime(2026, 11, 25, 12, 0, 1, 500, tzinfo=UTC)
    assert (stamp(when), micro_stamp(when)) == (
        "2026-11-25T12:00:01Z",
        "2026-11-25T12:00:01.000500Z",
    )
    assert moment(micro_stamp(when)) == when


def test_a_condition_is_found_by_its_type() -> None:
    ready = {"type": "Ready", "status": "True"}
    assert condition({"conditions": [ready]}, "Ready") == ready
    assert condition({}, "Ready") == {}


def test_a_hash_does_not_depend_on_the_order_of_keys() -> None:
    assert content_hash({"a": 1, "b": 2}) == content_hash({"b": 2, "a": 1})
    assert content_hash({"a": 1}) != content_hash({"a": 2})
    assert len(content_hash("x", 16)) == 16


def test_what_is_empty_is_not_stored_but_for_an_empty_dir() -> None:
    volume: dict[str, Any] = {"emptyDir": {}, "csi": None, "readOnly": False}
    given = {"env": [], "affinity": {"node": {"terms": []}}, "volumes": [volume]}
    assert pruned(given) == {"volumes": [{"emptyDir": {}}]}
    assert pruned({"n": 0, "off": False, "text": ""}) == {"n": 0, "off": False, "text": ""}
