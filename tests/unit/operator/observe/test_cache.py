from __future__ import annotations

from typing import Any

import pytest

from matinee_operator.objects import Key
from matinee_operator.observe.cache import Cache

LIVE = Key("StreamingService", "demo", "live")
SERVICE = {
    "kind": "StreamingService",
    "metadata": {"name": "live", "namespace": "demo", "uid": "l"},
}


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
    assert not cache.is_news(pod("same"))
    assert cache.is_news(pod("older", 2, uid="o"))
    assert cache.is_news(pod("unknown", uid="x"))


def test_what_left_the_watch_and_is_still_there_is_seen_again() -> None:
    """A watch tells that a pod is gone when it lost the label that is watched, in the version that
    the pod has since."""
    cache = Cache()
    cache.put(SERVICE)
    cache.put(pod(version=5))
    assert cache.remove(pod(version=6))
    assert cache.doubtful(LIVE) == [Key("Pod", "demo", "p")]
    cache.looked_for(LIVE, Key("Pod", "demo", "p"))
    assert cache.doubtful(LIVE) == []
    assert not cache.put(pod(version=5))
    assert cache.put(pod(version=6, labels={}))
    assert cache.remove(pod(version=9, deletionTimestamp="2026-11-25T12:00:00Z"))
    assert cache.doubtful(LIVE) == []
    assert not cache.put(pod(version=9))


def test_what_others_make_is_not_looked_for() -> None:
    """The operator may not even ask for an EndpointSlice by its name."""
    cache = Cache()
    cache.put(SERVICE)
    made = {**pod(version=5), "kind": "EndpointSlice"}
    cache.put(made)
    assert cache.remove({**pod(version=6), "kind": "EndpointSlice"})
    assert cache.doubtful(LIVE) == []


def controlled(kind: str, uid: str) -> dict[str, Any]:
    return {"ownerReferences": [{"kind": kind, "name": "any", "uid": uid, "controller": True}]}


ROOTS: dict[str, tuple[dict[str, Any], set[str]]] = {
    "a pod's labels": ({}, {"StreamingService live"}),
    "a model's": ({"labels": {"matinee.video/model": "tiny"}}, {"VideoModel tiny"}),
    "a Router's": ({"labels": {"matinee.video/router": "front"}}, {"Router front"}),
    "its controller, whatever its labels": (
        {"labels": {}, **controlled("StreamingService", "l")},
        {"StreamingService live"},
    ),
    "both, when they differ": (
        {"labels": {"matinee.video/router": "front"}, **controlled("StreamingService", "l")},
        {"StreamingService live", "Router front"},
    ),
    "what it was made for": (
        {"labels": None, "annotations": {"matinee.video/owner": "l"}},
        {"StreamingService live"},
    ),
    "the model of its Job": ({"labels": None, **controlled("Job", "j")}, {"VideoModel tiny"}),
    "nothing": ({"labels": None}, set()),
    "somebody else": ({"labels": None, **controlled("ReplicaSet", "r")}, set()),
}


@pytest.mark.parametrize("case", ROOTS)
def test_whom_an_object_may_concern(case: str) -> None:
    meta, expected = ROOTS[case]
    cache, job = Cache(), {**pod("j", uid="j"), "kind": "Job"}
    job["metadata"]["labels"] = {"matinee.video/model": "tiny"}
    for raw in (SERVICE, job):
        cache.put(raw)
    found = {f"{key.kind} {key.name}" for key in cache.roots(pod(**meta))}
    assert found == expected
    assert cache.roots(SERVICE) == set()


def test_nothing_owns_what_is_in_another_namespace() -> None:
    cache, there = Cache(), pod(namespace="other", labels={}, **controlled("StreamingService", "l"))
    for raw in (SERVICE, there):
        cache.put(raw)
    assert cache.roots(there) == set()
    assert cache.children(LIVE) == {}


def test_jobs_that_control_each_other_are_no_endless_chain() -> None:
    cache = Cache()
    for uid, other in (("a", "b"), ("b", "a")):
        cache.put({**pod(uid, uid=uid, labels={}, **controlled("Job", other)), "kind": "Job"})
    assert cache.roots(pod(labels={}, **controlled("Job", "a"))) == set()
