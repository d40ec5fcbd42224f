"""All that one decision is made from. Frozen; time is in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from matinee_api.contracts.fetch import FetchProgress
from matinee_api.kinds.router import Router
from matinee_api.kinds.streamingservice import StreamingService
from matinee_api.kinds.videomodel import VideoModel
from matinee_operator.installation import Installation
from matinee_operator.objects import Address, Key
from matinee_operator.observe.pod_trouble import Trouble
from matinee_operator.observe.pods import ObservedPod
from matinee_operator.observe.router_pods import RouterPod

Children = Mapping[Key, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class ServiceSnapshot:
    """A StreamingService, its model, and what exists of it."""

    now: datetime
    service: StreamingService
    model: VideoModel | None
    installation: Installation
    tokens: tuple[str, ...]
    """Its pods want one of them: the first, and those that were made before it a former one."""
    routers_tokens: tuple[str, ...]
    """Of the Routers of its namespace, in the same order: its pods take them too."""
    seal_keys: tuple[str, ...] = ("",)
    """Of the records of its revisions, in the same order; only the operator knows them."""
    pods: tuple[ObservedPod, ...] = ()
    children: Children = field(default_factory=dict)
    """What may be changed and deleted for it, the pods as well."""
    strangers: tuple[str, ...] = ()
    """Names of pods that carry its labels and belong to somebody else."""
    taken_over: tuple[str, ...] = ()
    """Names of pods that were made for it and that somebody else controls now."""
    routers: tuple[str, ...] = ()
    """Names of those that front it."""
    waiting: int = 0
    """Viewers who are queued at those: its share of them."""
    failure: Trouble | None = None
    """Why the last plan could not be made or carried out: the API server refused something, or the
    operator has a bug."""

    @property
    def pod_tokens(self) -> list[tuple[str, str]]:
        """What is in the Secret of its pods, and in former ones."""
        return list(zip(self.tokens, self.routers_tokens, strict=True))


@dataclass(frozen=True, slots=True)
class ModelSnapshot:
    """A VideoModel, its services, its claim and its Jobs."""

    now: datetime
    model: VideoModel
    installation: Installation
    first_service: StreamingService | None = None
    """Of those that use it, by name."""
    children: Children = field(default_factory=dict)
    job_pods: tuple[Mapping[str, Any], ...] = ()
    progress: FetchProgress | None = None
    """Of the download that runs."""
    refusals: Mapping[str, str] = field(default_factory=dict)
    """Uids of Jobs whose pods were refused, and why."""
    without_room: tuple[str, ...] = ()
    """Names of its services' pods for which no node has room."""
    failure: Trouble | None = None


@dataclass(frozen=True, slots=True)
class RouterSnapshot:
    """A Router, its own pods, and the pods of its services."""

    now: datetime
    router: Router
    installation: Installation
    tokens: tuple[str, ...]
    """What its pods, and those of its services, want of who asks; after the first former ones."""
    metrics_token: str
    """What opens the metrics of its pods, and nothing else."""
    services: Mapping[str, StreamingService]
    """Those of `spec.services` that exist."""
    pods: tuple[ObservedPod, ...] = ()
    router_pods: tuple[RouterPod, ...] = ()
    children: Children = field(default_factory=dict)
    failure: Trouble | None = None

    @property
    def addresses(self) -> dict[str, Address]:
        """uid -> address of its own pods that can be asked."""
        return {pod.uid: pod.address for pod in self.router_pods if pod.address}


Snapshot = ServiceSnapshot | ModelSnapshot | RouterSnapshot
