from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matinee_operator import labels
from matinee_operator.clients.kube import Kube
from matinee_operator.health import Health
from matinee_operator.metrics import Metrics
from matinee_operator.objects import Key, key_of
from matinee_operator.observe.cache import Cache
from matinee_operator.watch.resync import Resync


class Looking:
    """A look at everything without any watch: every change is one that was not told."""

    def __init__(self, kube: Kube, namespace: str) -> None:
        self.cache, self.metrics, self.queued = Cache(), Metrics(), list[Key]()
        self.health = Health(lambda: 0.0)
        self.resync = Resync(
            kube=kube,
            cache=self.cache,
            health=self.health,
            metrics=self.metrics,
            kinds=("VideoModel", "ConfigMap", "PodMonitor"),  # of these there is no CRD
            namespaces=(namespace,),
            seen=self.seen,
            enqueue=self.queued.append,
            grace_s=0.0,
        )

    def seen(self, gone: bool, raw: Mapping[str, Any]) -> None:
        (self.cache.remove if gone else self.cache.put)(raw)


def model(namespace: str, width: int) -> dict[str, Any]:
    return {
        "apiVersion": "matinee.video/v1alpha1",
        "kind": "VideoModel",
        "metadata": {"name": "tiny", "namespace": namespace},
        "spec": {
            "source": {"uri": "builtin:tiny"},
            "engine": {"family": "ltx"},
            "generation": {"width": width},
        },
    }


async def test_a_look_finds_what_changed_and_what_went(kube: Kube, namespace: str) -> None:
    looking, key = Looking(kube, namespace), Key("VideoModel", namespace, "tiny")
    await kube.apply(model(namespace, 64))
    await looking.resync.first()
    assert looking.health.synced
    await looking.resync.relist()
    assert looking.metrics.total("missed_events_total") == 0
    assert looking.queued == [key]
    await kube.apply(model(namespace, 96))
    await looking.resync.relist()
    found = looking.cache.get(key)
    assert found is not None
    assert found["spec"]["generation"] == {"width": 96}
    await kube.delete(key, found["metadata"]["uid"])
    await looking.resync.relist()
    assert looking.cache.get(key) is None
    assert looking.metrics.total("missed_events_total", kind="VideoModel") == 2


async def test_a_watch_that_misses_something_twice_in_a_row_is_quiet(
    kube: Kube, namespace: str
) -> None:
    looking = Looking(kube, namespace)
    for width in (64, 96):
        await kube.apply(model(namespace, width))
        assert looking.health.problems() == []
        await looking.resync.relist()
    assert looking.health.problems() == ["the watch of VideoModel is stalled"]


async def test_objects_of_others_are_not_looked_at(kube: Kube, namespace: str) -> None:
    looking = Looking(kube, namespace)
    meta = {"name": "x", "namespace": namespace}
    await kube.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta})
    await looking.resync.first()
    assert [key_of(raw) for raw in looking.cache.of_kind("ConfigMap")] == []


async def test_a_child_that_lost_its_label_is_found_by_what_it_says_of_its_owner(
    kube: Kube, namespace: str
) -> None:
    looking = Looking(kube, namespace)
    owner = {"apiVersion": "matinee.video/v1alpha1", "kind": "Router", "name": "x", "uid": "u"}
    told: tuple[dict[str, Any], ...] = (
        {"annotations": {labels.OWNER: "u"}},
        {"ownerReferences": [{**owner, "controller": True}]},
        {"ownerReferences": [{**owner, "apiVersion": "other/v1", "controller": True}]},
    )
    for number, said in enumerate(told):
        meta = {"name": f"x{number}", "namespace": namespace, **said}
        await kube.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta})
    await looking.resync.first()
    await looking.resync.relist()
    found = [raw["metadata"]["name"] for raw in looking.cache.of_kind("ConfigMap")]
    assert found == ["x0", "x1"]
    assert looking.metrics.total("missed_events_total") == 0
