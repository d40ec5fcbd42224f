"""Cache and pod feeds -> the snapshot of one key. Reads only; makes no decision."""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from matinee_api.config.load import validate
from matinee_api.contracts.fetch import FetchProgress
from matinee_api.kinds import conditions
from matinee_api.kinds.resource import KINDS, Resource
from matinee_api.kinds.router import Router
from matinee_api.kinds.streamingservice import StreamingService
from matinee_api.kinds.videomodel import VideoModel
from matinee_operator import labels
from matinee_operator.installation import Installation
from matinee_operator.objects import Key, Object
from matinee_operator.observe.cache import Cache
from matinee_operator.observe.fronts import Front, Fronts, HeardRouters
from matinee_operator.observe.jobs import observed_job
from matinee_operator.observe.pod_trouble import Trouble
from matinee_operator.observe.pods import (
    ObservedPod,
    Slots,
    is_without_room,
    observed_pod,
)
from matinee_operator.observe.snapshot import (
    ModelSnapshot,
    RouterSnapshot,
    ServiceSnapshot,
    Snapshot,
)
from matinee_operator.ownership import made_for, may_change

TOKEN_REFUSED = Trouble(
    conditions.TOKEN_REFUSED,
    "it does not take our token, so its sessions are unknown and it cannot be drained: the "
    "operator's key has changed since, or the Secret of its volume `control` is somebody else's. "
    "Delete that Secret and the pod",
)


class Heard(HeardRouters, Protocol):
    """The last line of a pod's feed, by the pod's uid."""

    def slots(self, uid: str) -> Slots | None: ...

    def token_refused(self, uid: str) -> bool: ...

    def progress(self, uid: str) -> FetchProgress | None: ...


@dataclass(slots=True)
class Snapshots:
    """What is stored, and what the pods said last."""

    cache: Cache
    heard: Heard
    installation: Installation
    operator_keys: tuple[str, ...]
    """The one that is used; then former ones, which fit what was made before."""
    refusals: dict[Key, Mapping[str, str]] = field(default_factory=dict)
    """VideoModel -> uids of its Jobs whose pods were refused, and why."""

    @property
    def fronts(self) -> Fronts:
        return Fronts(self.cache, self.heard)

    def take(self, key: Key, now: datetime, failure: Trouble | None) -> Snapshot | None:
        """None when the object is gone. Raises `ConfigError` when what is stored is not valid."""
        resource = self._read(key)
        match resource:
            case StreamingService():
                return self._service(key, resource, now, failure)
            case VideoModel():
                return self._model(key, resource, now, failure)
            case Router():
                return self._router(key, resource, now, failure)
        return None

    def _read(self, key: Key) -> Resource | None:
        raw = self.cache.get(key)
        return None if raw is None else parsed(raw)

    def _service(
        self, key: Key, service: StreamingService, now: datetime, failure: Trouble | None
    ) -> ServiceSnapshot:
        model = self._read(Key("VideoModel", key.namespace, service.spec.model_ref.name))
        children, foreign, uid = self._ours(key), self._foreign_pods(key), service.metadata.uid
        return ServiceSnapshot(
            now=now,
            service=service,
            model=model if isinstance(model, VideoModel) else None,
            installation=self.installation,
            tokens=tuple(admin_token(one, service) for one in self.operator_keys),
            routers_tokens=self.routers_tokens(key.namespace),
            seal_keys=tuple(seal_key(one, service) for one in self.operator_keys),
            pods=self._pods(children, self.fronts.of(key), now),
            children=children,
            strangers=tuple(raw["metadata"]["name"] for raw in foreign if _is_selected(raw, key)),
            taken_over=tuple(raw["metadata"]["name"] for raw in foreign if made_for(raw) == uid),
            routers=tuple(self.fronts.routers_of(key)),
            waiting=self.fronts.waiting_for(key),
            failure=failure,
        )

    def _ours(self, owner: Key) -> dict[Key, Object]:
        """The children that may be changed and deleted; nothing else goes into a plan."""
        uid = self._uid(owner)
        found = self.cache.children(owner).items()
        return {key: raw for key, raw in found if may_change(raw, uid)}

    def _foreign_pods(self, owner: Key) -> list[Object]:
        uid, found = self._uid(owner), self.cache.children(owner).items()
        return [raw for key, raw in found if key.kind == "Pod" and not may_change(raw, uid)]

    def _uid(self, owner: Key) -> str:
        raw = self.cache.get(owner)
        return str(raw["metadata"].get("uid", "")) if raw else ""

    def _pods(
        self, children: Mapping[Key, Object], front: Front, now: datetime
    ) -> tuple[ObservedPod, ...]:
        pods = (raw for key, raw in children.items() if key.kind == "Pod")
        return tuple(self._pod(raw, front, now) for raw in pods)

    def _pod(self, raw: Object, front: Front, now: datetime) -> ObservedPod:
        uid, node = raw["metadata"]["uid"], raw.get("spec", {}).get("nodeName")
        pod = observed_pod(
            raw,
            self.heard.slots(uid),
            now,
            self.installation.propagation,
            leaving_node=self.is_leaving(node),
        )
        if pod.settles_at is not None and all(front.lists(raw)):
            pod = dataclasses.replace(pod, settles_at=None)
        if pod.cordoned and any(front.lists(raw)):
            pod = dataclasses.replace(pod, listed=True)
        if pod.offered:
            pod = dataclasses.replace(pod, unknown_to=front.unaware(raw))
        refused = self.heard.token_refused(uid)
        return dataclasses.replace(pod, trouble=TOKEN_REFUSED) if refused else pod

    def routers_tokens(self, namespace: str) -> tuple[str, ...]:
        return tuple(routers_token(one, namespace) for one in self.operator_keys)

    def is_leaving(self, node: str | None) -> bool:
        raw = self.cache.get(Key("Node", "", node)) if node else None
        return bool(raw and raw["spec"]["leaving"])

    def _model(
        self, key: Key, model: VideoModel, now: datetime, failure: Trouble | None
    ) -> ModelSnapshot:
        children = self._ours(key)
        pods = self._pods_of_jobs(children)
        said = (self.heard.progress(pod["metadata"]["uid"]) for pod in pods)
        return ModelSnapshot(
            now=now,
            model=model,
            installation=self.installation,
            first_service=self._first_service(key),
            children=children,
            job_pods=pods,
            progress=next((one for one in said if one), None),
            refusals=self.refusals.get(key, {}),
            without_room=self._without_room(key),
            failure=failure,
        )

    def _pods_of_jobs(self, children: Mapping[Key, Object]) -> tuple[Object, ...]:
        """Those that the Jobs control."""
        return tuple(
            raw
            for job, found in children.items()
            if job.kind == "Job"
            for raw in self.cache.children(job).values()
            if may_change(raw, str(found["metadata"]["uid"]))
        )

    def idle_jobs(self, model: Key) -> list[Object]:
        """Its Jobs that run and have no pod."""
        jobs = {key: raw for key, raw in self._ours(model).items() if key.kind == "Job"}
        running = {key: raw for key, raw in jobs.items() if not observed_job(raw, ()).finished}
        return [raw for key, raw in running.items() if not self._pods_of_jobs({key: raw})]

    def _first_service(self, model: Key) -> StreamingService | None:
        """There may be thousands, and only this one is read."""
        every = self.cache.of_kind("StreamingService", model.namespace)
        names = (raw["metadata"]["name"] for raw in every if _uses(raw, model))
        first = min(names, default=None)
        found = self._read(Key("StreamingService", model.namespace, first)) if first else None
        return found if isinstance(found, StreamingService) else None

    def _without_room(self, model: Key) -> tuple[str, ...]:
        pods = filter(is_without_room, self.cache.of_kind("Pod", model.namespace))
        return tuple(sorted(pod["metadata"]["name"] for pod in pods if self._is_for(pod, model)))

    def _is_for(self, pod: Object, model: Key) -> bool:
        """Whether it belongs to a service of this model."""
        services = (self.cache.get(key) for key in self.cache.roots(pod))
        using = (raw for raw in services if raw and _uses(raw, model))
        return any(may_change(pod, str(raw["metadata"].get("uid", ""))) for raw in using)

    def _router(
        self, key: Key, router: Router, now: datetime, failure: Trouble | None
    ) -> RouterSnapshot:
        named = [
            Key("StreamingService", key.namespace, reference.name)
            for reference in router.spec.services
        ]
        found = {one.name: self._read(one) for one in named}
        return RouterSnapshot(
            now=now,
            router=router,
            installation=self.installation,
            tokens=self.routers_tokens(key.namespace),
            metrics_token=metrics_token(self.operator_keys[0], key.namespace),
            services={
                name: one for name, one in found.items() if isinstance(one, StreamingService)
            },
            pods=tuple(
                pod
                for one in named
                for pod in self._pods(self._ours(one), self.fronts.of(one, [key.name]), now)
            ),
            router_pods=self.fronts.pods(key),
            children=self._ours(key),
            failure=failure,
        )


def _uses(raw: Object, model: Key) -> bool:
    if raw["kind"] != "StreamingService":
        return False
    name: str = raw["spec"]["modelRef"]["name"]
    return name == model.name


def _is_selected(raw: Object, owner: Key) -> bool:
    """By the Services of this object."""
    marks = raw["metadata"].get("labels") or {}
    return labels.ACCEPTING in marks and marks.get(labels.SERVICE) == owner.name


def parsed(raw: Mapping[str, Any]) -> Resource:
    """A stored object; keys of a newer CRD are left alone."""
    return validate(KINDS[raw["kind"]], raw, extra="ignore")


def admin_token(operator_key: str, service: StreamingService) -> str:
    """The same for every replica of the operator, another one for a service made again."""
    return _derived(operator_key, _identity(service))


def routers_token(operator_key: str, namespace: str) -> str:
    """Of all Routers of a namespace, and of the pods that they send viewers to."""
    return _derived(operator_key, f"routers/{namespace}")


def metrics_token(operator_key: str, namespace: str) -> str:
    """Of all Routers of a namespace, for who only reads numbers."""
    return _derived(operator_key, f"metrics/{namespace}")


def seal_key(operator_key: str, service: StreamingService) -> str:
    """For the records of its revisions."""
    return _derived(operator_key, f"seal/{_identity(service)}")


def _identity(service: StreamingService) -> str:
    meta = service.metadata
    return f"{meta.namespace or ''}/{meta.name}/{meta.uid or ''}"


def _derived(operator_key: str, facts: str) -> str:
    return hmac.new(operator_key.encode(), facts.encode(), hashlib.sha256).hexdigest()
