from __future__ import annotations

from typing import Any

import pytest

from matinee_api.kinds.source import Source
from matinee_operator.weights.trees import Pin, Tree, address, claim_and_path, trees_of
from tests.unit.operator.making import model
from tests.unit.operator.weights.making import COMMIT, HUB, changed, resolved_model

ADAPTERS = [{"name": "a", "uri": "hf://org/a"}, {"name": "b", "uri": "pvc://claim/b"}]
TREES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "a bundled model": ({}, []),
    "a folder": ({"source": {"uri": "file:///x"}}, []),
    "a registry": ({"source": {"uri": "oci://registry/x:1"}}, []),
    "a hub": ({"source": HUB}, ["model"]),
    "a claim": ({"source": {"uri": "pvc://claim/x"}}, ["model"]),
    "adapters that can be fetched": ({"source": HUB, "adapters": ADAPTERS}, ["model", "a"]),
}


@pytest.mark.parametrize("case", TREES)
def test_what_is_asked(case: str) -> None:
    spec, expected = TREES[case]
    assert [tree.name for tree in trees_of(model(**spec))] == expected


ASKED: dict[str, dict[str, Any]] = {
    "hf://org/x": {},
    "hf://org/x@v1": {"revision": "v1"},
    "hf://org/x@v1 at http://hub": {"revision": "v1", "endpoint": "http://hub"},
}


@pytest.mark.parametrize("line", ASKED)
def test_a_source_in_one_line(line: str) -> None:
    assert address(Source(uri="hf://org/x", **ASKED[line])) == line


def test_a_pin_holds_until_something_else_is_asked_for() -> None:
    snapshot = resolved_model()
    (tree,) = trees_of(snapshot.model)
    assert tree.pin == Pin(COMMIT, 9_000_000_000)
    for source in ({"revision": "v2"}, {"endpoint": "http://hub"}):
        (tree,) = trees_of(changed(snapshot, source=HUB | source).model)
        assert tree.pin is None
    (tree,) = trees_of(changed(snapshot, source=HUB | {"tokenSecretRef": {"name": "x"}}).model)
    assert tree.pin is not None


def folder(uri: str, commit: str | None = "c", endpoint: str | None = None) -> str:
    return Tree("any", "model", Source(uri=uri, endpoint=endpoint), Pin(commit, 1)).folder


def test_a_folder_is_named_by_what_is_in_it() -> None:
    folders = {
        folder("hf://org/X-1.0"),
        folder("hf://other/X-1.0"),
        folder("hf://org/X-1.0", "d"),
        folder("hf://org/X-1.0", endpoint="http://hub"),
        folder("s3://bucket/X-1.0/", None),
    }
    assert len(folders) == 5
    assert {name.rpartition("-")[0] for name in folders} == {"x-1-0"}
    assert len(folder(f"hf://org/{'x' * 200}")) < 63


def test_a_claim_may_hold_the_model_at_its_root() -> None:
    assert claim_and_path(Source(uri="pvc://claim/a/b")) == ("claim", "/weights/a/b")
    assert claim_and_path(Source(uri="pvc://claim/")) == ("claim", "/weights")
