from __future__ import annotations

from typing import Any

import pytest

from matinee_operator.clients.kube import Kube
from matinee_operator.errors import AlreadyExists, Conflict, NotFound, Refused
from matinee_operator.objects import Key


def config_map(namespace: str, name: str = "x", **data: str) -> dict[str, Any]:
    labels = {"app.kubernetes.io/managed-by": "matinee"}
    meta = {"name": name, "namespace": namespace, "labels": labels}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}


def key(namespace: str, name: str = "x") -> Key:
    return Key("ConfigMap", namespace, name)


async def test_applying_makes_changes_and_then_nothing(kube: Kube, namespace: str) -> None:
    made = await kube.apply(config_map(namespace, a="1", b="2"))
    again = await kube.apply(config_map(namespace, a="1", b="2"))
    assert again["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]
    changed = await kube.apply(config_map(namespace, a="3"))
    assert changed["data"] == {"a": "3"}


async def test_what_others_set_stays_theirs(kube: Kube, namespace: str) -> None:
    await kube.apply(config_map(namespace, a="1"))
    await kube.merge(key(namespace), {"metadata": {"annotations": {"note": "x"}}})
    applied = await kube.apply(config_map(namespace, a="2"))
    assert applied["metadata"]["annotations"] == {"note": "x"}


async def test_creating_twice_is_an_error_of_its_own(kube: Kube, namespace: str) -> None:
    await kube.create(config_map(namespace))
    with pytest.raises(AlreadyExists):
        await kube.create(config_map(namespace))


async def test_only_the_object_that_was_meant_is_deleted(kube: Kube, namespace: str) -> None:
    made = await kube.create(config_map(namespace))
    with pytest.raises(Conflict):
        await kube.delete(key(namespace), "of-another")
    await kube.delete(key(namespace), made["metadata"]["uid"])
    with pytest.raises(NotFound):
        await kube.get(key(namespace))


async def test_a_patch_for_another_object_of_that_name_is_refused(
    kube: Kube, namespace: str
) -> None:
    await kube.create(config_map(namespace))
    with pytest.raises(Conflict):
        await kube.merge(key(namespace), {"metadata": {"uid": "of-another", "labels": {"a": "b"}}})


async def test_a_refusal_has_the_server_s_words(kube: Kube, namespace: str) -> None:
    with pytest.raises(Refused, match="Invalid value"):
        await kube.create(config_map(namespace, name="Not_A_Name"))


async def test_lists_are_read_page_by_page_and_only_ours(kube: Kube, namespace: str) -> None:
    paged = Kube(kube.client, kube.metrics, page=2)
    asked = kube.metrics.total("api_requests_total", verb="get")
    for number in range(5):
        await kube.create(config_map(namespace, name=f"x{number}"))
    stranger = config_map(namespace, name="stranger")
    stranger["metadata"]["labels"] = {}
    await kube.create(stranger)
    found = await paged.list("ConfigMap", namespace, "app.kubernetes.io/managed-by=matinee")
    assert kube.metrics.total("api_requests_total", verb="get") == asked + 3
    assert [one["metadata"]["name"] for one in found] == [f"x{number}" for number in range(5)]
    assert {one["kind"] for one in found} == {"ConfigMap"}


async def test_the_status_has_a_writer_of_its_own(kube: Kube, namespace: str) -> None:
    spec = {"source": {"uri": "builtin:tiny"}, "engine": {"family": "ltx"}}
    meta = {"name": "tiny", "namespace": namespace}
    version = "matinee.video/v1alpha1"
    model = {"apiVersion": version, "kind": "VideoModel", "metadata": meta, "spec": spec}
    await kube.create(model)
    named = Key("VideoModel", namespace, "tiny")
    written = await kube.apply_status(named, version, {"phase": "Ready", "observedGeneration": 1})
    assert written["status"]["phase"] == "Ready"
    assert written["spec"]["source"] == {"uri": "builtin:tiny"}
    managers = {one["manager"] for one in written["metadata"]["managedFields"]}
    assert managers == {"matinee-operator", "matinee-operator-status"}


async def test_a_kind_that_is_not_there_is_known_not_to_be(kube: Kube) -> None:
    ours = {"videomodels", "streamingservices", "routers"}
    assert await kube.plurals("matinee.video/v1alpha1") == ours
    assert await kube.plurals("monitoring.coreos.com/v1") == frozenset()


async def test_a_pod_that_nothing_holds_is_gone_at_once(kube: Kube, namespace: str) -> None:
    meta = {"name": "x", "namespace": namespace}
    spec = {"containers": [{"name": "x", "image": "x"}]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}
    made = await kube.create(pod)
    assert await kube.delete(Key("Pod", namespace, "x"), made["metadata"]["uid"]) is None
    held = await kube.create({**pod, "metadata": {**meta, "finalizers": ["example.com/x"]}})
    assert await kube.delete(Key("Pod", namespace, "x"), held["metadata"]["uid"]) is not None
