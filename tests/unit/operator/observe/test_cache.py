from __future__ import annotations

from typing import Any

from matinee_operator.objects import Key
from matinee_operator.observe.cache import Cache, root_of, trimmed

LIVE = Key("StreamingService", "demo", "live")


def pod(name: str = "p", version: int = 1, uid: str = "u", **meta: Any) -> dict[str, Any]:
    usual = {
        "name": name,
        "namespace": "demo",
        "uid": uid,
        "resourceVersion": str(version),
        "labels": {"matinee.video/service": "live", "matinee.video/model": "tiny"},
    }
    return {"kind": "Pod", "metadata": usual | meta, "spec": {"nodeName": "n", "containers": []}}


def test_newer_versions_win_whatever_the_order() -> None:
    cache = Cache()
    assert cache.put(pod(version=9))
    assert not cache.put(pod(version=9))
    assert not cache.put(pod(version=8))
    assert cache.put(pod(version=10))


def test_children_are_found_by_their_root_until_they_leave_it() -> None:
    cache = Cache()
    cache.put(pod())
    assert list(cache.children(LIVE)) == [Key("Pod", "demo", "p")]
    cache.put(pod(version=2, labels={}))
    assert cache.children(LIVE) == {}


def test_an_event_that_comes_late_brings_nothing_back() -> None:
    cache = Cache()
    cache.put(pod(version=5))
    assert cache.remove(pod(version=6))
    assert not cache.put(pod(version=5))
    assert cache.get(Key("Pod", "demo", "p")) is None


def test_the_end_of_an_object_does_not_take_its_successor() -> None:
    cache = Cache()
    cache.put(pod(uid="new", version=7))
    assert not cache.remove(pod(uid="old", version=6))
    assert cache.get(Key("Pod", "demo", "p")) is not None


def test_a_full_relist_finds_what_the_watches_missed() -> None:
    cache = Cache()
    cache.put(pod("same"))
    cache.put(pod("older", uid="o"))
    listed = [pod("same"), pod("older", 2, uid="o"), pod("unknown", uid="x")]
    missed = [raw["metadata"]["name"] for raw in cache.missed(listed)]
    assert sorted(missed) == ["older", "unknown"]


def test_roots_are_told_by_labels() -> None:
    assert root_of(pod()) == LIVE
    of_a_model = pod(labels={"matinee.video/model": "tiny"})
    assert root_of(of_a_model) == Key("VideoModel", "demo", "tiny")
    of_a_router = pod(labels={"matinee.video/router": "front"})
    assert root_of(of_a_router) == Key("Router", "demo", "front")
    assert root_of(pod(labels=None)) is None
    assert root_of({**pod(), "kind": "StreamingService"}) is None


def test_what_nobody_reads_is_not_kept() -> None:
    kept = trimmed({**pod(managedFields=[1]), "status": {"phase": "Running"}})
    assert "managedFields" not in kept["metadata"]
    assert (kept["spec"], kept["status"]) == ({"nodeName": "n"}, {"phase": "Running"})
    node = {"kind": "Node", "metadata": {"name": "n"}, "spec": {"podCIDR": "x"}, "status": {}}
    assert trimmed(node) == {
        "kind": "Node",
        "metadata": {"name": "n"},
        "spec": {"leaving": False},
    }
