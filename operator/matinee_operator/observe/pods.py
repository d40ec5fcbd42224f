"""Pods as the API server stores them -> the few facts that decisions need. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from matinee_api.contracts import pod_http
from matinee_api.contracts.pod_http import PORT
from matinee_api.whole_number import whole_number
from matinee_operator import labels
from matinee_operator.objects import Address, Object, condition, moment
from matinee_operator.observe.pod_trouble import Trouble, is_sidecar, pod_trouble

YEARS = range(2000, 3000)
"""That a time which somebody may have edited can lie in."""


@dataclass(frozen=True, slots=True)
class Slots:
    """The last line of a pod's `/v1/slots`."""

    used: int
    total: int
    queued: int
    draining: bool
    routers_only: bool | None = None
    """None of a pod that knows no such order."""
    jobs_waiting: int = 0
    jobs_making: int = 0
    jobs_store: str = ""
    """Pods that have the same have the same jobs; empty: no other pod has them."""

    @classmethod
    def of(cls, said: pod_http.Slots) -> Slots:
        return cls(
            *(said.used, said.total, said.queued, said.draining, said.routers_only),
            *(said.jobs_waiting, said.jobs_making, said.jobs_store or ""),
        )


@dataclass(frozen=True, slots=True)
class ObservedPod:
    """One runtime pod. `slots` is None while its feed is not connected."""

    name: str
    uid: str
    revision: str
    slot: int
    created: datetime
    version: str = ""
    """What was read, so that nothing is deleted that has changed since."""
    config: str = ""
    """The ConfigMap it reads."""
    attempt: int = 0
    """How many failed pods in a row came before it."""
    labels: Mapping[str, str] | None = None
    node: str | None = None
    control: Address | None = None
    """Where it is controlled."""
    running: bool = False
    """A container runs, so that somebody may be watching."""
    ready_since: datetime | None = None
    finished: bool = False
    finished_at: datetime | None = None
    terminating: bool = False
    cordoned_at: datetime | None = None
    drain_deadline: datetime | None = None
    trouble: Trouble | None = None
    slots: Slots | None = None
    leaving_node: bool = False
    settles_at: datetime | None = None
    """Ready, but until then it may be that no viewer is sent there."""
    listed: bool = False
    """Cordoned, and a Service in front of it sends viewers there as yet."""
    unknown_to: tuple[str, ...] = ()
    """Live routers that send no viewers there, although it is offered to them."""

    @property
    def ready(self) -> bool:
        return self.ready_since is not None and not self.terminating

    @property
    def cordoned(self) -> bool:
        return self.drain_deadline is not None

    @property
    def live(self) -> bool:
        """It exists and is not terminating."""
        return not self.terminating

    @property
    def is_being_made(self) -> bool:
        """It has a node, and its containers are about to run."""
        to_come = self.live and not self.running and not self.finished
        return to_come and self.node is not None and self.trouble is None

    @property
    def offered(self) -> bool:
        """Whoever follows EndpointSlices may send viewers there."""
        return self.ready and labels.ACCEPTING in (self.labels or {})

    @property
    def serving(self) -> bool:
        """It takes new sessions, whichever router a viewer comes to."""
        return self.able and not self.unknown_to

    @property
    def able(self) -> bool:
        """It takes the new sessions that it is sent."""
        return (
            self.ready
            and self.settles_at is None
            and not self.cordoned
            and not (self.slots and self.slots.draining)
        )

    @property
    def sessions(self) -> int:
        return self.slots.used if self.slots else 0

    @property
    def never_served(self) -> bool:
        """Nobody can be watching: nothing runs, or it is not ready and has no session."""
        idle = self.slots.used == 0 if self.slots else not self.running
        return idle and not self.ready and not self.cordoned


def observed_pod(
    raw: Object,
    slots: Slots | None,
    now: datetime,
    propagation: timedelta,
    *,
    leaving_node: bool = False,
) -> ObservedPod:
    meta, status, spec = raw["metadata"], raw.get("status", {}), raw.get("spec", {})
    finished = status.get("phase") in ("Failed", "Succeeded")
    ready_since = None if finished else _ready_since(status)
    settles_at = ready_since + propagation if ready_since else None
    return ObservedPod(
        name=meta["name"],
        uid=meta["uid"],
        **_marks(meta),
        created=moment(meta["creationTimestamp"]),
        config=_config_of(spec),
        node=spec.get("nodeName"),
        control=_control_of(spec, status),
        running=_runs(status),
        ready_since=ready_since,
        finished=finished,
        finished_at=_finished_at(status) if finished else None,
        terminating="deletionTimestamp" in meta,
        trouble=None if ready_since else pod_trouble(raw),
        slots=slots,
        leaving_node=leaving_node,
        settles_at=settles_at if settles_at and settles_at > now else None,
    )


def _marks(meta: Object) -> dict[str, Any]:
    """What the operator itself has written on the pod. Anybody may have edited it, but for the
    name, which says the revision and the slot."""
    annotations = meta.get("annotations") or {}
    revision, slot = _revision_and_slot(meta["name"])
    return {
        "version": meta.get("resourceVersion", ""),
        "labels": meta.get("labels") or {},
        "revision": revision,
        "slot": slot,
        "attempt": whole_number(annotations.get(labels.ATTEMPT, "")) or 0,
        "cordoned_at": _moment_or_none(annotations.get(labels.CORDONED_AT)),
        "drain_deadline": _moment_or_none(annotations.get(labels.DRAIN_DEADLINE)),
    }


def _revision_and_slot(name: str) -> tuple[str, int]:
    """Of no revision where somebody else chose the name: such a pod is replaced."""
    *_, revision, slot = ("", "", *name.rsplit("-", 2))
    number = whole_number(slot)
    return ("", 0) if number is None else (revision, number)


def _config_of(spec: Object) -> str:
    volumes = (one for one in spec.get("volumes", ()) if one["name"] == labels.CONFIG)
    return next((str(one.get("configMap", {}).get("name", "")) for one in volumes), "")


def is_without_room(raw: Object) -> bool:
    """A pod that the scheduler finds no node for."""
    placed = condition(raw.get("status", {}), "PodScheduled")
    waits = placed.get("status") == "False" and "deletionTimestamp" not in raw["metadata"]
    return raw["kind"] == "Pod" and waits


def listening_at(raw: Object) -> Address | None:
    """The address of a pod that runs and can be asked."""
    status = raw.get("status", {})
    ended = status.get("phase") in ("Failed", "Succeeded")
    ip: str | None = status.get("podIP")
    return Address(ip, PORT) if ip and _runs(status) and not ended else None


def _control_of(spec: Object, status: Object) -> Address | None:
    """Pods of a former release have one port for all."""
    ip: str | None = status.get("podIP")
    ports = [port for one in spec.get("containers", ()) for port in one.get("ports", ())]
    control = (one["containerPort"] for one in ports if one.get("name") == labels.CONTROL)
    return Address(ip, next(control, PORT)) if ip else None


def _moment_or_none(text: str | None) -> datetime | None:
    """None also for one without a time zone, or so far away that nothing can be added to it."""
    try:
        found = moment(text) if text else None
    except ValueError:
        return None
    usable = found is not None and found.tzinfo is not None and found.year in YEARS
    return found if usable else None


def _runs(status: Object) -> bool:
    """A sidecar may run on when the runtime does not."""
    containers = status.get("containerStatuses", [])
    return any("running" in one.get("state", {}) for one in containers if not is_sidecar(one))


def _ready_since(status: Object) -> datetime | None:
    ready = condition(status, "Ready")
    return moment(ready["lastTransitionTime"]) if ready.get("status") == "True" else None


def _finished_at(status: Object) -> datetime | None:
    ends = [
        container.get("state", {}).get("terminated", {}).get("finishedAt")
        for container in status.get("containerStatuses", [])
    ]
    changes = [one.get("lastTransitionTime") for one in status.get("conditions", [])]
    known = [moment(text) for text in (*ends, *changes) if text]
    return max(known, default=None)
