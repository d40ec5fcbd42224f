"""What goes into a snapshot: what is ours, whatever hints at it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from matinee_api.contracts.pod_http import RouterState
from matinee_operator import labels
from matinee_operator.objects import Key, stamp
from matinee_operator.observe.cache import Cache
from matinee_operator.observe.snapshot import ModelSnapshot, ServiceSnapshot
from matinee_operator.observe.snapshots import Snapshots
from tests.unit.operator.making import CPU, INSTALLATION, NOW, meta

LIVE, TINY = Key("StreamingService", "demo", "live"), Key("VideoModel", "demo", "tiny")
SERVICE = {
    "kind": "StreamingService",
    "metadata": meta("live"),
    "spec": {"modelRef": {"name": "tiny"}, "resources": CPU},
}
MODEL = {
    "kind": "VideoModel",
    "metadata": meta("tiny"),
    "spec": {"source": {"uri": "builtin:tiny"}, "engine": {"family": "ltx"}},
}
KEYS = ("0123456789abcdef", "fedcba9876543210")
MARKS = {labels.SERVICE: "live", labels.ACCEPTING: "true"}
UNPLACED = {"conditions": [{"type": "PodScheduled", "status": "False"}]}


STATES = {
    "knows": RouterState(sessions=0, queued=3, backends=("live-a-0",)),
    "knows-not": RouterState(sessions=0, queued=1),
}
"""What pods of routers say, by uid."""


class Silent:
    """No other pod says anything."""

    def slots(self, uid: str) -> None:
        return None

    def progress(self, uid: str) -> None:
        return None

    def router(self, uid: str) -> RouterState | None:
        return STATES.get(uid)

    def token_refused(self, uid: str) -> bool:
        return uid == "uid-of-live-a-1"


def owned(uid: str, kind: str = "StreamingService") -> dict[str, Any]:
    return {"ownerReferences": [{"kind": kind, "name": "x", "uid": uid, "controller": True}]}


def pod(name: str, status: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    usual = {**meta(name), "creationTimestamp": "2026-11-25T12:00:00Z", **more}
    return {"kind": "Pod", "metadata": usual, "status": status or {}}


def taken(key: Key, *raws: dict[str, Any]) -> Any:
    cache = Cache()
    for raw in (SERVICE, MODEL, *raws):
        cache.put(raw)
    return Snapshots(cache, Silent(), INSTALLATION, KEYS).take(key, NOW, None)


def test_pods_are_those_that_the_service_controls_or_that_were_made_for_it() -> None:
    snapshot = taken(
        LIVE,
        pod("live-a-0", **owned("uid-of-live")),
        pod("live-a-1", annotations={labels.OWNER: "uid-of-live"}),
        pod("stranger", labels=MARKS),
        pod("others", labels=MARKS, **owned("uid-of-other")),
        pod("unseen", labels={labels.SERVICE: "live"}),
        pod("taken-over", annotations={labels.OWNER: "uid-of-live"}, **owned("uid-of-other")),
    )
    assert isinstance(snapshot, ServiceSnapshot)
    assert [one.name for one in snapshot.pods] == ["live-a-0", "live-a-1"]
    assert [one.trouble and one.trouble.reason for one in snapshot.pods] == [None, "TokenRefused"]
    assert [key.name for key in snapshot.children] == ["live-a-0", "live-a-1"]
    assert snapshot.strangers == ("others", "stranger")
    assert snapshot.taken_over == ("taken-over",)


def test_what_a_job_said_is_what_its_own_pods_said() -> None:
    job = {"kind": "Job", "metadata": {**meta("j"), **owned("uid-of-tiny", "VideoModel")}}
    forged = {labels.MODEL: "tiny", "batch.kubernetes.io/job-name": "j"}
    snapshot = taken(
        TINY,
        {**job, "status": {}},
        pod("j-x", **owned("uid-of-j", "Job")),
        pod("forged", labels=forged),
    )
    assert isinstance(snapshot, ModelSnapshot)
    assert [one["metadata"]["name"] for one in snapshot.job_pods] == ["j-x"]


def test_the_pods_that_find_no_room_are_those_of_the_model_s_services() -> None:
    snapshot = taken(
        TINY,
        pod("live-a-0", UNPLACED, **owned("uid-of-live")),
        pod("live-a-1", **owned("uid-of-live")),
        pod("stranger", UNPLACED, labels=MARKS),
        pod("going", UNPLACED, deletionTimestamp="2026-11-25T12:00:00Z", **owned("uid-of-live")),
    )
    assert isinstance(snapshot, ModelSnapshot)
    assert snapshot.without_room == ("live-a-0",)


def test_keys_of_a_service_are_its_own() -> None:
    snapshot = taken(LIVE)
    assert len({*snapshot.seal_keys, *snapshot.tokens}) == 4


READY = {
    "phase": "Running",
    "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": stamp(NOW)}],
}


def endpoint_slice(marks: dict[str, str], *uids: str, ready: bool | None = True) -> dict[str, Any]:
    endpoints = [
        {"targetRef": {"kind": "Pod", "uid": uid}, "conditions": {"ready": ready}} for uid in uids
    ]
    name = "-".join(marks.values())
    return {"kind": "EndpointSlice", "metadata": meta(name, labels=marks), "endpoints": endpoints}


def serving(marks: dict[str, str], *slices: dict[str, Any]) -> bool:
    """Whether a pod that has just become ready counts as serving."""
    own = {labels.SERVICE: "live", **marks}
    snapshot = taken(LIVE, pod("live-a-0", READY, labels=own, **owned("uid-of-live")), *slices)
    (found,) = snapshot.pods
    assert found.serving == (found.settles_at is None)
    return bool(found.serving)


def test_a_cordoned_pod_is_listed_as_long_as_a_service_in_front_of_it_sends_viewers_there() -> None:
    behind = {labels.SERVICE: "live"}
    until = {labels.DRAIN_DEADLINE: stamp(NOW)}
    going = pod("live-a-0", READY, labels=behind, annotations=until, **owned("uid-of-live"))
    its_own = endpoint_slice({labels.SERVICE: "live"}, "uid-of-live-a-0")
    routers = FRONT, *router_pods("knows")
    for slices, expected in (((), False), ((its_own,), True), (routers, True)):
        (found,) = taken(LIVE, going, *slices).pods
        assert found.listed is expected


def test_a_pod_serves_when_every_service_in_front_of_it_sends_viewers_there() -> None:
    its_own = endpoint_slice({labels.SERVICE: "live"}, "uid-of-live-a-0", "other")
    assert not serving({})
    assert not serving({}, endpoint_slice({labels.SERVICE: "live"}, "other"))
    assert not serving({}, endpoint_slice({labels.SERVICE: "live"}, "uid-of-live-a-0", ready=False))
    assert serving({}, its_own)


FRONT = {
    "kind": "Router",
    "metadata": meta("front"),
    "spec": {"services": [{"name": "live"}, {"name": "other"}]},
}
OF_FRONT = {labels.ROUTER: "front"}


def router_pods(*uids: str, deployment: str = "uid-of-front") -> list[dict[str, Any]]:
    """Of the Deployment of whoever has that uid; all are ready."""
    chain = [
        {"kind": kind, "metadata": meta(name, labels=OF_FRONT, **owned(owner, "X"))}
        for kind, name, owner in (
            ("Deployment", "front-router", deployment),
            ("ReplicaSet", "front-router-a", "uid-of-front-router"),
        )
    ]
    owner = owned("uid-of-front-router-a", "ReplicaSet")
    pods = [{**pod(uid, READY, labels=OF_FRONT, **owner)} for uid in uids]
    for made, uid in zip(pods, uids, strict=True):
        made["metadata"]["uid"] = uid
    return [*chain, *pods]


LONG_AGO = stamp(NOW - timedelta(hours=1))
SINCE_LONG = {
    **READY,
    "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": LONG_AGO}],
}


@pytest.mark.parametrize("status", [READY, SINCE_LONG], ids=["just ready", "ready since long"])
def test_a_pod_serves_as_long_as_every_live_router_knows_it(status: dict[str, Any]) -> None:
    def serving(*uids: str, **marks: str) -> bool:
        labelled = {labels.SERVICE: "live", labels.ACCEPTING: "true", **marks}
        raw = pod("live-a-0", status, labels=labelled, **owned("uid-of-live"))
        listed = endpoint_slice({labels.SERVICE: "live"}, "uid-of-live-a-0")
        (found,) = taken(LIVE, raw, listed, FRONT, *router_pods(*uids)).pods
        return bool(found.serving)

    assert serving("knows")
    assert serving("knows", "silent")  # one that was not heard for long, or never
    assert not serving("knows", "knows-not")
    assert not serving("knows-not")


def test_a_pod_that_is_offered_to_no_router_need_not_be_known() -> None:
    behind = {labels.SERVICE: "live"}
    raw = pod("live-a-0", SINCE_LONG, labels=behind, **owned("uid-of-live"))
    (found,) = taken(LIVE, raw, FRONT, *router_pods("knows-not")).pods
    assert found.serving


def test_a_router_of_a_former_configuration_counts_where_it_serves_the_service() -> None:
    """The service may be new to the Router."""
    offered = {labels.SERVICE: "live", labels.ACCEPTING: "true"}
    raws = [
        pod(name, SINCE_LONG, labels=offered, **owned("uid-of-live"))
        for name in ("live-a-0", "live-a-1")
    ]
    deployment, *others = router_pods("knows", "knows-not")
    template = {"metadata": {"annotations": {labels.CONFIG_HASH: "new"}}}
    deployment["spec"] = {"template": template}
    pods = taken(LIVE, *raws, FRONT, deployment, *others).pods
    assert [one.unknown_to for one in pods] == [(), ("knows",)]


def test_a_router_counts_the_pods_that_its_own_pods_know() -> None:
    offered = {labels.SERVICE: "live", labels.ACCEPTING: "true"}
    raw = pod("live-a-0", SINCE_LONG, labels=offered, **owned("uid-of-live"))
    aside = {**FRONT, "metadata": meta("aside")}
    snapshot = taken(Key("Router", "demo", "aside"), raw, FRONT, aside, *router_pods("knows-not"))
    assert [one.serving for one in snapshot.pods] == [True]


def test_a_pod_with_a_router_s_labels_is_none() -> None:
    listed = endpoint_slice({labels.SERVICE: "live"}, "uid-of-live-a-0")
    assert serving({}, listed, FRONT, *router_pods("knows-not", deployment="somebody-else"))
    assert serving({}, listed, FRONT, pod("knows-not", READY, labels=OF_FRONT))


def test_a_router_s_pod_is_asked_as_it_serves() -> None:
    running = {"podIP": "10.0.0.1", "containerStatuses": [{"state": {"running": {}}}]}
    for notes, scheme in (({labels.SCHEME: "https"}, "https"), ({}, "http"), (None, "http")):
        chain = router_pods("knows")[:-1]
        owner = owned("uid-of-front-router-a", "ReplicaSet")
        own = pod("knows", {**READY, **running}, labels=OF_FRONT, annotations=notes, **owner)
        snapshot = taken(Key("Router", "demo", "front"), FRONT, *chain, own)
        assert [one.scheme for one in snapshot.addresses.values()] == [scheme]


def test_viewers_at_a_router_are_shared_by_its_services() -> None:
    snapshot = taken(LIVE, FRONT, *router_pods("knows", "knows-not"))
    assert snapshot.waiting == 2  # of four
    tokens = [*snapshot.tokens, *snapshot.routers_tokens]
    assert len(set(tokens)) == len(tokens) == 2 * len(snapshot.pod_tokens)
