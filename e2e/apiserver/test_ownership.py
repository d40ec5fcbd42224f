"""What belongs to others stays as it is, whatever it is called and however it is labelled; what is
ours is found again, whatever somebody does to its metadata.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from functools import partial
from typing import Any

import aiohttp
import pytest

from e2e.apiserver.chart_rights import Rule
from e2e.apiserver.control_plane import ControlPlane
from e2e.apiserver.fetching import run_jobs
from e2e.apiserver.scene import (
    KINDS,
    NAME,
    OUTSIDE,
    READY,
    SPECS,
    apply,
    apply_all,
    new_namespace,
    set_status,
)
from e2e.apiserver.side_by_side import side_by_side
from e2e.apiserver.story import TOLD, Life, life
from e2e.apiserver.strangers import CONTROLLED, remove, take
from e2e.apiserver.test_rights import grant
from e2e.apiserver.test_weights_story import apply_model
from matinee_operator import labels
from matinee_operator.clients.kube import Kube, connected
from matinee_operator.errors import Refused
from matinee_operator.metrics import Metrics
from matinee_operator.objects import Key, condition, is_within, key_of
from matinee_operator.ownership import controller_of

OWNED = (*(kind for kind in KINDS if kind != "Secret"), "PersistentVolumeClaim")
"""Kinds of children; a Secret's name cannot be known before it is made, and none is ever read."""
OUR_LABELS = {
    labels.MANAGED_BY: labels.APP,
    labels.SERVICE: NAME,
    labels.MODEL: NAME,
    labels.SLOT: "0",
    labels.ACCEPTING: "true",
}
DISGUISES: dict[str, dict[str, Any]] = {
    "nobody's": {},
    "another controller's": CONTROLLED,
    "with our labels": {"labels": OUR_LABELS},
    "with our labels and another controller": {"labels": OUR_LABELS, **CONTROLLED},
}


async def pods_serve(kube: Kube, namespace: str) -> None:
    """Those of the service; what others have is not touched."""
    for pod in await kube.list("Pod", namespace):
        if (controller_of(pod) or {}).get("kind") == "StreamingService":
            await set_status(kube, key_of(pod), READY)


async def everything(kube: Kube, operator: Life, namespace: str) -> list[Key]:
    """The keys of all children of a service with its Router, and of a model with a claim."""
    await apply_all(kube, namespace)
    await apply(kube, namespace, "Router", OUTSIDE)
    await operator.settle()
    await pods_serve(kube, namespace)
    await apply_model(kube, namespace)
    await operator.settle()
    await run_jobs(kube, namespace)
    await operator.settle()
    return [key_of(one) for kind in OWNED for one in await kube.list(kind, namespace)]


async def a_full_life(kube: Kube, operator: Life, namespace: str) -> None:
    """All that makes the operator create, apply, patch and delete."""
    await operator.settle(TOLD)
    await pods_serve(kube, namespace)
    await apply_all(kube, namespace, sessions={"maxPerPod": 2}, replicas=1)
    await apply(kube, namespace, "Router", {**OUTSIDE, "service": {"port": 81}})
    for _ in range(2):
        await operator.settle(TOLD)
        await pods_serve(kube, namespace)


async def told(kube: Kube, namespace: str) -> set[str]:
    """Names of the objects that say that a name is taken."""
    every = [one for kind in SPECS for one in await kube.list(kind, namespace)]
    return {
        f"{one['kind']} {one['metadata']['name']}"
        for one in every
        for found in one["status"]["conditions"]
        if found["reason"] == "NameTaken" and found["type"] in ("Degraded", "Accepted")
    }


async def _delete_with_children(kube: Kube, key: Key) -> None:
    """As the garbage collector does."""
    uid = (await kube.get(key))["metadata"]["uid"]
    await kube.delete(key, uid)
    for kind in KINDS:
        for one in await kube.list(kind, key.namespace):
            if (controller_of(one) or {}).get("uid") == uid:
                await remove(kube, key_of(one))


async def _stays_theirs(
    kube: Kube, session: aiohttp.ClientSession, meta: Mapping[str, Any]
) -> None:
    namespace = await new_namespace(kube, f"theirs-{uuid.uuid4().hex[:8]}")
    operator = life(kube, session, namespace)
    keys = await everything(kube, operator, namespace)
    assert {key.kind for key in keys} == set(OWNED)
    for key in keys:
        await take(kube, key, **meta)
    before = {key: await kube.get(key) for key in keys}
    await a_full_life(kube, operator, namespace)
    assert {key: await kube.get(key) for key in keys} == before
    assert await told(kube, namespace) == {
        f"StreamingService {NAME}",
        f"VideoModel {NAME}",
        "VideoModel ltx",
        f"Router {NAME}",
    }
    for kind in ("StreamingService", "Router"):
        await _delete_with_children(kube, Key(kind, namespace, NAME))
    await operator.settle(TOLD)
    assert {key: await kube.get(key) for key in keys} == before
    for key in keys:
        await remove(kube, key)
    await a_full_life(kube, operator, namespace)
    assert await told(kube, namespace) == set()
    kinds = {one["kind"] for kind in OWNED for one in await kube.list(kind, namespace)}
    assert kinds == set(OWNED)
    await operator.close()


async def test_objects_of_others_are_left_alone_and_told_and_their_end_heals(
    kube: Kube, session: aiohttp.ClientSession
) -> None:
    ends = await side_by_side(
        {name: partial(_stays_theirs, kube, session, meta) for name, meta in DISGUISES.items()}
    )
    assert ends == dict.fromkeys(DISGUISES)


SERVICES_ONLY: list[Rule] = [
    {
        "apiGroups": ["matinee.video"],
        "resources": ["streamingservices"],
        "verbs": ["create", "patch", "delete"],
    }
]


async def test_who_may_make_nothing_but_services_takes_nothing_away(
    kube: Kube, session: aiohttp.ClientSession, api_server: ControlPlane, namespace: str
) -> None:
    operator, policy = life(kube, session, namespace), Key("NetworkPolicy", namespace, "deny-all")
    await take(kube, policy)
    before = await kube.get(policy)
    await apply(kube, namespace, "VideoModel", SPECS["VideoModel"])
    async with connected(Metrics(), str(api_server.limited)) as user:
        await grant(kube, user, namespace, SERVICES_ONLY)
        with pytest.raises(Refused):
            await user.delete(policy, before["metadata"]["uid"])
        spec = SPECS["StreamingService"]
        await apply(user, namespace, "StreamingService", spec, policy.name)
        await operator.settle(TOLD)
        assert await told(kube, namespace) == {f"StreamingService {policy.name}"}
        made = await kube.get(Key("StreamingService", namespace, policy.name))
        await user.delete(key_of(made), made["metadata"]["uid"])
        await operator.settle(TOLD)
    assert await kube.get(policy) == before


async def test_a_router_and_a_service_whose_names_meet_both_work(
    kube: Kube, session: aiohttp.ClientSession, namespace: str
) -> None:
    await apply_all(kube, namespace)
    await apply(kube, namespace, "StreamingService", SPECS["StreamingService"], f"{NAME}-router")
    await life(kube, session, namespace).settle()
    services = await kube.list("Service", namespace)
    owners = {one["metadata"]["name"]: one["metadata"]["ownerReferences"][0] for one in services}
    assert {name: f"{owner['kind']} {owner['name']}" for name, owner in owners.items()} == {
        NAME: f"StreamingService {NAME}",
        f"{NAME}-router": f"Router {NAME}",
        f"{NAME}-router-pods": f"StreamingService {NAME}-router",
    }


OURS = ("labels", "annotations")
NOBODY = "0e6ff5ae-0000-4000-8000-000000000000"
"""The uid of no object."""


async def metadata(kube: Kube, keys: list[Key]) -> dict[Key, dict[str, Any]]:
    found = {}
    for key in keys:
        meta = (await kube.get(key))["metadata"]
        found[key] = {part: meta.get(part) for part in (*OURS, "ownerReferences", "uid")}
    return found


def _edits(before: Mapping[Key, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """What somebody merges into the metadata of every child, for each label and annotation that any
    of them has."""
    names = {(part, name) for meta in before.values() for part in OURS for name in meta[part]}
    names.discard(("annotations", labels.ATTEMPT))  # a count: an edited one is obeyed
    edits: dict[str, dict[str, Any]] = {}
    for part, name in sorted(names):
        for verb, value in (("removed", None), ("edited", "debug")):
            edits[f"{name} {verb}"] = {part: {name: value}}
    owners = {"controller": False, "name": "debug", "apiVersion": "v2", "kind": "VideoModel"}
    edits |= {f"the owner's {k} edited": {"ownerReferences": {k: v}} for k, v in owners.items()}
    return edits | {
        "the owner removed": {"ownerReferences": None},
        "the owner waits for it": {"ownerReferences": {"blockOwnerDeletion": True}},
        "all labels removed": {"labels": None},
        "all labels and the owner removed": {"labels": None, "ownerReferences": None},
    }


def _is_of_a_job(key: Key) -> bool:
    """The Job controller would look after it."""
    return key.kind == "Pod" and key.name.endswith("-pod")


async def _edited(kube: Kube, before: Mapping[Key, dict[str, Any]], edit: dict[str, Any]) -> None:
    """One label or annotation of those children that have it, a field of each one's owner, or a
    part of all of them."""
    for key, meta in before.items():
        if field := edit.get("ownerReferences"):
            change = {"ownerReferences": [{**meta["ownerReferences"][0], **field}]}
            await kube.merge(key, {"metadata": change})
        elif all(name in (meta[part] or ()) for part in OURS for name in edit.get(part) or ()):
            await kube.merge(key, {"metadata": edit})


async def test_every_label_annotation_and_owner_is_put_back_within_one_look_at_everything(
    kube: Kube, session: aiohttp.ClientSession, namespace: str
) -> None:
    operator = life(kube, session, namespace)
    operator.thorough = True
    made = await everything(kube, operator, namespace)
    before = await metadata(kube, [key for key in made if not _is_of_a_job(key)])
    for what, edit in _edits(before).items():
        await _edited(kube, before, edit)
        await operator.settle()
        assert is_within(before, await metadata(kube, list(before))), what
    stored = await kube.get(Key("StreamingService", namespace, NAME))
    assert condition(stored["status"], "Ready")["status"] == "True"


async def test_without_any_sign_that_it_is_ours_it_is_somebody_else_s_until_that_is_back(
    kube: Kube, session: aiohttp.ClientSession, namespace: str
) -> None:
    operator = life(kube, session, namespace)
    keys = await everything(kube, operator, namespace)
    before = await metadata(kube, keys)
    bare: dict[str, Any] = dict.fromkeys((*OURS, "ownerReferences"))
    for spoilt in (bare, {"ownerReferences": {"uid": NOBODY}}):
        await _edited(kube, before, spoilt)
        await operator.settle(TOLD)
        assert len(await told(kube, namespace)) == len(SPECS) + 1
        for key in keys:
            await kube.merge(key, {"metadata": before[key]})
        await operator.settle()
        assert await told(kube, namespace) == set()
        assert is_within(before, await metadata(kube, keys))


async def test_what_somebody_s_finalizer_holds_stops_nothing_and_is_made_anew(
    kube: Kube, session: aiohttp.ClientSession, namespace: str
) -> None:
    operator = life(kube, session, namespace)
    keys = await everything(kube, operator, namespace)
    for key in keys:
        meta = (await kube.get(key))["metadata"]
        held = [*meta.get("finalizers", ()), "example.com/audit"]
        await kube.merge(key, {"metadata": {"finalizers": held}})
        await kube.delete(key, meta["uid"])
    await apply_all(kube, namespace, sessions={"maxPerPod": 2})  # so that some of it is not wanted
    await operator.settle()
    await apply(kube, namespace, "Router", OUTSIDE)
    for key in keys:
        await kube.merge(key, {"metadata": {"finalizers": None}})
    for _ in range(2):
        await operator.settle()
        await pods_serve(kube, namespace)
    await operator.settle()
    kinds = {one["kind"] for kind in OWNED for one in await kube.list(kind, namespace)}
    assert kinds == set(OWNED)
    stored = await kube.get(Key("StreamingService", namespace, NAME))
    assert condition(stored["status"], "Ready")["status"] == "True"
