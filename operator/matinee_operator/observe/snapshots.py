"""Cache and pod feeds -> the snapshot of one key. Reads only; makes no decision."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from matinee_api.config.load import validate
from matinee_api.contracts.fetch import FetchProgress
from matinee_api.kinds.resource import KINDS, Resource
from matinee_api.kinds.router import Router
from matinee_api.kinds.streamingservice import StreamingService
from matinee_api.kinds.videomodel import VideoModel
from matinee_operator.installation import Installation
from matinee_operator.objects import Key
from matinee_operator.observe.cache import Cache
from matinee_operator.observe.pods import ObservedPod, Slots, Trouble, observed_pod
from matinee_operator.observe.snapshot import (
    ModelSnapshot,
    RouterSnapshot,
    ServiceSnapshot,
    Snapshot,
)


class Heard(Protocol):
    """The last line of a pod's feed, by the pod's uid."""

    def slots(self, uid: str) -> Slots | None: ...

    def progress(self, uid: str) -> FetchProgress | None: ...


@dataclass(slots=True)
class Snapshots:
    """What is stored, and what the pods said last."""

    cache: Cache
    heard: Heard
    installation: Installation
    operator_key: str

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
        children = self.cache.children(key)
        return ServiceSnapshot(
            now=now,
            service=service,
            model=model if isinstance(model, VideoModel) else None,
            installation=self.installation,
            token=admin_token(self.operator_key, service),
            pods=self._pods(key, now),
            children={child: raw for child, raw in children.items() if child.kind != "Pod"},
            routers=tuple(sorted(self._routers_of(key))),
            failure=failure,
        )

    def _pods(self, service: Key, now: datetime) -> tuple[ObservedPod, ...]:
        return tuple(
            observed_pod(
                raw,
                self.heard.slots(raw["metadata"]["uid"]),
                now,
                self.installation.propagation,
                leaving_node=self._is_leaving(raw.get("spec", {}).get("nodeName")),
            )
            for key, raw in self.cache.children(service).items()
            if key.kind == "Pod"
        )

    def _is_leaving(self, node: str | None) -> bool:
        raw = self.cache.get(Key("Node", "", node)) if node else None
        return bool(raw and raw["spec"]["leaving"])

    def _routers_of(self, service: Key) -> list[str]:
        return [
            str(raw["metadata"]["name"])
            for raw in self.cache.of_kind("Router", service.namespace)
            if any(named["name"] == service.name for named in raw["spec"]["services"])
        ]

    def _model(
        self, key: Key, model: VideoModel, now: datetime, failure: Trouble | None
    ) -> ModelSnapshot:
        children = self.cache.children(key)
        services = [
            parsed(raw)
            for raw in self.cache.of_kind("StreamingService", key.namespace)
            if raw["spec"]["modelRef"]["name"] == key.name
        ]
        pods = tuple(raw for child, raw in children.items() if child.kind == "Pod")
        said = (self.heard.progress(pod["metadata"]["uid"]) for pod in pods)
        return ModelSnapshot(
            now=now,
            model=model,
            installation=self.installation,
            services=tuple(one for one in services if isinstance(one, StreamingService)),
            children={child: raw for child, raw in children.items() if child.kind != "Pod"},
            job_pods=pods,
            progress=next((one for one in said if one), None),
            failure=failure,
        )

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
            services={
                name: one for name, one in found.items() if isinstance(one, StreamingService)
            },
            pods=tuple(pod for one in named for pod in self._pods(one, now)),
            children=self.cache.children(key),
            failure=failure,
        )


def parsed(raw: Mapping[str, Any]) -> Resource:
    """A stored object; keys of a newer CRD are left alone."""
    return validate(KINDS[raw["kind"]], raw, extra="ignore")


def admin_token(operator_key: str, service: StreamingService) -> str:
    """The same for every replica of the operator, another one for a service made again."""
    meta = service.metadata
    facts = "/".join((meta.namespace or "", meta.name, meta.uid or ""))
    return hmac.new(operator_key.encode(), facts.encode(), hashlib.sha256).hexdigest()
