"""What is written where somebody else has the name: nothing, for every kind of child there is."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, cast

import pytest
from kubernetes.aio.client.api_client import ApiClient

from matinee_operator import labels
from matinee_operator.actions import Apply, Create, Delete
from matinee_operator.clients.kube import APPLY, NOBODYS_VERSION, PATHS, Kube
from matinee_operator.clients.writes import Writes
from matinee_operator.desired import desired_of
from matinee_operator.errors import AlreadyExists, Conflict, NameTaken, Refused
from matinee_operator.installation import Monitors
from matinee_operator.metrics import Metrics
from matinee_operator.objects import Key, key_of
from matinee_operator.observe.cache import OWN_KINDS, Cache
from matinee_operator.observe.snapshot import RouterSnapshot
from matinee_operator.plan import plan_router
from matinee_operator.watch.handlers import CHILDREN
from tests.unit.operator.making import (
    CPU,
    INSTALLATION,
    METRICS_TOKEN,
    NOW,
    TOKEN,
    model,
    planned,
    router,
    snapshot,
)
from tests.unit.operator.weights.making import given, hub_model, resolved_model, with_claim

NO_CHILDREN = {*OWN_KINDS, "Event", "Node", "Lease", "EndpointSlice", "ReplicaSet"}
MONITORED = dataclasses.replace(INSTALLATION, monitors=Monitors(), has_routes=True)
OUTSIDE = router(
    ingress={"host": "a.example"},
    httpRoute={"parentRefs": [{"name": "public"}], "hostnames": ["a.example"]},
)
FRONT = RouterSnapshot(
    now=NOW,
    router=OUTSIDE,
    services={},
    installation=MONITORED,
    tokens=(TOKEN,),
    metrics_token=METRICS_TOKEN,
)
PLANS = (
    planned(snapshot(installation=MONITORED)),
    planned(given(model(warmup={"resources": CPU}))),
    planned(given(hub_model())),
    planned(resolved_model()),
    planned(with_claim(resolved_model())),
    plan_router(FRONT, desired_of(FRONT)),  # type: ignore[arg-type]
)


def _name(action: Apply | Create) -> str:
    key = key_of(action.manifest)
    return f"{key.kind} {key.name}"


MADE: dict[str, Apply | Create] = {
    _name(action): action
    for actions in PLANS
    for action in actions
    if isinstance(action, Apply | Create)
}


NO_CLIENT = cast("ApiClient", None)
"""No request leaves the process."""


def test_these_are_all_kinds_of_children() -> None:
    kinds = {key_of(action.manifest).kind for action in MADE.values()}
    assert kinds == set(PATHS) - NO_CHILDREN
    assert kinds >= set(CHILDREN) - NO_CHILDREN


class Occupied(Kube):
    """An API server on which every name is taken, by an object with this metadata."""

    def __init__(self, **meta: Any) -> None:
        super().__init__(NO_CLIENT, Metrics())
        self.meta: dict[str, Any] = {"uid": "theirs", "resourceVersion": "7", **meta}
        self.refuses_applies = False
        self.asked: list[str] = []
        self.bodies: list[Any] = []

    async def request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
        accept: str = "application/json",
    ) -> dict[str, Any]:
        self.asked.append(method)
        self.bodies.append(body)
        if method == "POST":
            raise AlreadyExists(409, "AlreadyExists", path)
        if method == "GET":
            kind = next(kind for kind, (_, plural) in PATHS.items() if f"/{plural}/" in path)
            name = path.rpartition("/")[2]
            return {"kind": kind, "metadata": {"name": name, "namespace": "demo", **self.meta}}
        assert body is not None
        if method == "DELETE":
            return {}
        if content_type == APPLY and self.refuses_applies:
            raise Refused(422, "Invalid", "Only one reference can have Controller set to true")
        version = body["metadata"].get("resourceVersion", self.meta["resourceVersion"])
        if version != self.meta["resourceVersion"]:
            raise Conflict(409, "Conflict", path)
        return {"kind": "Pod", **body}


@pytest.fixture
def occupied() -> Occupied:
    return Occupied()


def writes(server: Occupied, *known: dict[str, Any]) -> Writes:
    cache = Cache()
    for raw in known:
        cache.put(raw)
    return Writes(server, cache, Metrics(), lambda _gone, _raw: None)


CONTROLLED = {"ownerReferences": [{"kind": "Team", "name": "x", "uid": "t", "controller": True}]}
THEIRS: dict[str, dict[str, Any]] = {
    "nobody controls it": {},
    "another controller": CONTROLLED,
    "it has our labels": {"labels": {labels.MANAGED_BY: labels.APP, labels.SERVICE: "live"}},
}


@pytest.mark.parametrize("whose", THEIRS)
@pytest.mark.parametrize("child", MADE)
async def test_a_name_that_is_taken_is_told_and_what_has_it_left_alone(
    child: str, whose: str, occupied: Occupied
) -> None:
    action, (kind, _, name) = MADE[child], key_of(MADE[child].manifest)
    occupied.meta |= THEIRS[whose]
    seen = {"kind": kind, "metadata": {"name": name, "namespace": "demo", **occupied.meta}}
    for known in ((), (seen,)):  # whether a watch has told of it or not
        occupied.asked.clear()
        if kind == "Secret":
            await writes(occupied, *known).carry_out(action)
            assert occupied.asked == ["POST"]
            continue
        with pytest.raises(NameTaken, match=f"{kind} {name} "):
            await writes(occupied, *known).carry_out(action)
        assert occupied.asked == ["PATCH" if isinstance(action, Apply) else "POST", "GET"]
        if isinstance(action, Apply):
            assert occupied.bodies[-2]["metadata"]["resourceVersion"] == NOBODYS_VERSION


@pytest.mark.parametrize("child", [name for name in MADE if not name.startswith("Secret")])
async def test_one_of_ours_that_no_watch_told_of_is_changed_under_its_uid(
    child: str, occupied: Occupied
) -> None:
    action = MADE[child]
    occupied.meta["annotations"] = action.manifest["metadata"]["annotations"]
    await writes(occupied).carry_out(action)
    assert occupied.asked[1:] == ["GET", "PATCH"]
    assert occupied.bodies[-1]["metadata"]["uid"] == "theirs"
    assert occupied.bodies[-1]["metadata"]["ownerReferences"]


async def test_lists_take_the_place_of_others_only_in_the_version_that_was_read(
    occupied: Occupied,
) -> None:
    action = next(action for action in MADE.values() if isinstance(action, Apply))
    ours = action.manifest["metadata"]["ownerReferences"]
    key = key_of(action.manifest)
    meta = {"name": key.name, "namespace": key.namespace, "uid": "u", "ownerReferences": ours}
    known = {"kind": key.kind, "metadata": {**meta, "resourceVersion": "6"}}
    occupied.refuses_applies = True
    with pytest.raises(Conflict):
        await writes(occupied, known).carry_out(action)
    assert occupied.bodies[-1]["metadata"]["uid"] == "u"


async def test_what_is_deleted_is_deleted_only_as_it_was_read(occupied: Occupied) -> None:
    await writes(occupied).carry_out(Delete(Key("ConfigMap", "demo", "x"), "u", "6"))
    assert occupied.bodies[-1]["preconditions"] == {"uid": "u", "resourceVersion": "6"}
