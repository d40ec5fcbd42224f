from __future__ import annotations

from typing import Any

from matinee_operator.objects import Key
from matinee_operator.observe.cache import Cache
from matinee_operator.observe.trimming import trimmed
from matinee_operator.watch.relations import affected


def resource(kind: str, name: str, generation: int = 1, **spec: Any) -> dict[str, Any]:
    meta = {"name": name, "namespace": "demo", "uid": name, "generation": generation}
    return {"kind": kind, "metadata": meta, "spec": spec}


def service(name: str = "live", generation: int = 1) -> dict[str, Any]:
    return resource("StreamingService", name, generation, modelRef={"name": "tiny"})


ROUTER = resource("Router", "front", services=[{"name": "live"}])
MODEL = resource("VideoModel", "tiny")
POD: dict[str, Any] = {
    "kind": "Pod",
    "metadata": {
        "name": "p",
        "namespace": "demo",
        "uid": "p",
        "labels": {"matinee.video/service": "live"},
    },
    "spec": {"nodeName": "n"},
}


def filled() -> Cache:
    cache = Cache()
    for raw in (service(), service("other"), ROUTER, MODEL, POD):
        cache.put(raw)
    return cache


def told(raw: dict[str, Any], before: dict[str, Any] | None = None) -> set[str]:
    return {f"{key.kind} {key.name}" for key in affected(filled(), raw, before)}


def test_a_new_service_concerns_its_model_and_its_routers() -> None:
    assert told(service()) == {"StreamingService live", "VideoModel tiny", "Router front"}


def endpoint_slice(marks: dict[str, str], *, ready: bool = True) -> dict[str, Any]:
    meta = {"name": "live-x", "namespace": "demo", "uid": "x", "labels": marks}
    endpoint = {"targetRef": {"kind": "Pod", "uid": "p"}, "conditions": {"ready": ready}}
    return {"kind": "EndpointSlice", "metadata": meta, "endpoints": [endpoint]}


def test_who_is_sent_viewers_concerns_the_service() -> None:
    live = {"matinee.video/service": "live"}
    assert told(endpoint_slice(live)) == {"StreamingService live"}
    known = dict(trimmed(endpoint_slice(live)))
    assert told(endpoint_slice(live), known) == set()
    assert told(endpoint_slice(live, ready=False), known) == {"StreamingService live"}


def test_a_change_of_status_concerns_only_the_object() -> None:
    assert told(service(), service()) == {"StreamingService live"}
    assert told(service(generation=2), service()) > {"StreamingService live"}


def test_a_change_of_a_model_concerns_the_services_that_use_it() -> None:
    assert told(MODEL) == {"VideoModel tiny", "StreamingService live", "StreamingService other"}


def test_where_the_weights_of_a_model_are_concerns_the_services_too() -> None:
    progress = {"cache": {"bytesDone": 1}}
    assert told({**MODEL, "status": progress}, MODEL) == {"VideoModel tiny"}
    news: list[dict[str, Any]] = [
        {"cache": {"folder": "a"}},
        {"resolvedRevision": "c"},
        {"conditions": [{"type": "Downloaded", "status": "False", "reason": "NoSpace"}]},
        {"conditions": [{"type": "Ready", "status": "True", "reason": "AsDesired"}]},
    ]
    for status in news:
        assert told({**MODEL, "status": status}, MODEL) == told(MODEL)


def test_a_change_of_a_router_concerns_all_services_for_it_may_have_left_one() -> None:
    assert told(ROUTER) == {"Router front", "StreamingService live", "StreamingService other"}


def test_a_pod_concerns_its_service_and_the_routers_in_front() -> None:
    assert told(POD) == {"StreamingService live", "Router front"}


def test_a_router_s_pod_concerns_the_services_for_it_may_be_live_now() -> None:
    meta = {**POD["metadata"], "labels": {"matinee.video/router": "front"}}
    assert told({**POD, "metadata": meta}) == {"Router front", "StreamingService live"}


def test_a_pod_that_finds_no_room_concerns_the_warm_up_of_its_model() -> None:
    placed = {"type": "PodScheduled", "status": "False"}
    crowded_out = {**POD, "status": {"conditions": [placed]}}
    assert told(crowded_out, POD) == told(POD) | {"VideoModel tiny"}
    assert told(POD, crowded_out) == told(POD) | {"VideoModel tiny"}
    assert told(crowded_out, crowded_out) == told(POD)


def test_a_node_that_is_cordoned_concerns_the_services_with_pods_on_it() -> None:
    node = {"kind": "Node", "metadata": {"name": "n"}, "spec": {"unschedulable": True}}
    usable = {"spec": {"leaving": False}}
    assert told(node, usable) == {"StreamingService live"}
    assert told(node, {"spec": {"leaving": True}}) == set()
    assert told({**node, "metadata": {"name": "other"}}, usable) == set()


def test_strangers_concern_nobody() -> None:
    assert told({"kind": "ConfigMap", "metadata": {"name": "x", "namespace": "demo"}}) == set()


def test_keys_say_what_they_are() -> None:
    assert str(Key("Pod", "demo", "p")) == "Pod demo/p"
