"""One key: snapshot -> plan -> apply -> status. The only place where a plan meets the world."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from matinee_api.config.errors import ConfigError
from matinee_api.kinds import conditions
from matinee_api.kinds.meta import API_VERSION, Condition
from matinee_operator import labels, plan, status
from matinee_operator.actions import (
    Action,
    Apply,
    Create,
    Delete,
    Drain,
    Patch,
    RecordEvent,
    Requeue,
)
from matinee_operator.clients.events import Events
from matinee_operator.clients.kube import Kube
from matinee_operator.clients.pod_feeds import PROGRESS, SLOTS, PodFeeds
from matinee_operator.clients.writes import Writes
from matinee_operator.desired import (
    Desired,
    DesiredModel,
    DesiredRouter,
    DesiredService,
    desired_of,
)
from matinee_operator.errors import NotFound, OperatorError, Refused, with_remedy
from matinee_operator.internal_errors import InternalErrors
from matinee_operator.metrics import Metrics
from matinee_operator.objects import Address, Key, Object
from matinee_operator.observe.pods import Trouble, listening_at
from matinee_operator.observe.snapshot import (
    ModelSnapshot,
    RouterSnapshot,
    ServiceSnapshot,
    Snapshot,
)
from matinee_operator.observe.snapshots import Snapshots

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Done:
    """What became of a plan."""

    again_s: float | None = None
    failures: list[OperatorError] = field(default_factory=list)

    def again(self, after_s: float) -> None:
        self.again_s = after_s if self.again_s is None else min(after_s, self.again_s)


@dataclass(slots=True)
class Reconciler:
    """`seen` gets every object that a write returned, so that the next reconcile knows it."""

    kube: Kube
    snapshots: Snapshots
    feeds: PodFeeds
    events: Events
    metrics: Metrics
    now: Callable[[], datetime]
    seen: Callable[[bool, Object], None]
    _refusals: dict[Key, Trouble] = field(default_factory=dict)
    _pace: status.StatusPace = field(default_factory=status.StatusPace)
    _writes: Writes = field(init=False)
    _internal_errors: InternalErrors = field(init=False)

    def __post_init__(self) -> None:
        self._internal_errors = InternalErrors(self.metrics)
        self._writes = Writes(self.kube, self.snapshots.cache, self.metrics, self.seen)

    async def reconcile(self, key: Key) -> float | None:
        """After how many seconds to reconcile again; None: when something changes. Raises what is
        worth a retry."""
        began, result = time.perf_counter(), "failed"
        try:
            again = await self._reconcile(key)
        except OperatorError:
            raise
        except Exception as error:
            await self._report_bug(key, self._internal_errors.note(key, error))
            raise
        else:
            result = "done"
            self._internal_errors.forget(key)
            return again
        finally:
            self.metrics.count("reconciles_total", kind=key.kind, result=result)
            self.metrics.count(
                "reconcile_seconds_total", time.perf_counter() - began, kind=key.kind
            )

    async def _reconcile(self, key: Key) -> float | None:
        try:
            snapshot = self.snapshots.take(key, self.now(), self._refusals.get(key))
        except ConfigError as error:
            await self._report_invalid(key, error)
            return None
        self._listen(key, snapshot)
        if snapshot is None:
            self._refusals.pop(key, None)
            self._pace.forget(key)
            return None
        desired = desired_of(snapshot)
        done = await self._perform(key, snapshot, _plan(snapshot, desired))
        refusal = _refusal(done.failures)
        if refusal is None:
            self._refusals.pop(key, None)
        else:
            self._refusals[key] = refusal
        after = self._after(key, snapshot, refusal)
        if after is not None and (wait_s := await self._report(key, after, desired)):
            done.again(wait_s)
        if done.failures:
            raise done.failures[0]
        return done.again_s

    def _listen(self, key: Key, snapshot: Snapshot | None) -> None:
        """To the pods that have something to say about this object."""
        match snapshot:
            case ServiceSnapshot():
                live = (pod for pod in snapshot.pods if pod.running and not pod.finished)
                places = {pod.uid: pod.control for pod in live if pod.control}
                self.feeds.follow(key, SLOTS, places, snapshot.token)
            case ModelSnapshot():
                self.feeds.follow(key, PROGRESS, _fetching_pods(snapshot))
            case _:
                self.feeds.follow(key, SLOTS, {})

    async def _perform(self, key: Key, snapshot: Snapshot, actions: Iterable[Action]) -> _Done:
        """Every action, whatever became of those before it: they do not build on each other."""
        done = _Done()
        for action in actions:
            if isinstance(action, Requeue):
                done.again(action.after_s)
                continue
            try:
                await self._do(key, snapshot, action)
            except OperatorError as error:
                done.failures.append(error)
        return done

    async def _do(
        self,
        key: Key,
        snapshot: Snapshot,
        action: Apply | Create | Patch | Delete | Drain | RecordEvent,
    ) -> None:
        match action:
            case RecordEvent():
                await self.events.record(key, _uid(snapshot), action)
            case Drain() if isinstance(snapshot, ServiceSnapshot):
                await self.feeds.drain(action, snapshot.token)
            case Apply() | Create() | Patch() | Delete():
                await self._writes.carry_out(action)

    def _after(self, key: Key, before: Snapshot, failure: Trouble | None) -> Snapshot | None:
        """What exists once the plan was carried out. None when the object is gone, or has another
        spec by now: then its key is queued again, and what was planned says nothing about it."""
        try:
            after = self.snapshots.take(key, self.now(), failure)
        except ConfigError:
            return None
        same = after is not None and _spec_version(after) == _spec_version(before)
        return after if same else None

    async def _report(self, key: Key, snapshot: Snapshot, desired: Desired) -> float:
        """Write the status if it differs from the one that is stored. After how many seconds, if it
        can wait: the numbers of viewers can."""
        before, after = _resource(snapshot).status, _status(snapshot, desired)
        wanted = after.model_dump(mode="json", exclude_none=True)
        stored = before.model_dump(mode="json", exclude_none=True) if before else None
        if wanted == stored:
            return 0.0
        if wait_s := self._pace.wait_s(key, stored, wanted, snapshot.now):
            return wait_s
        self._pace.wrote(key, snapshot.now)
        self.metrics.count("writes_total", action="status")
        try:
            self.seen(False, await self.kube.apply_status(key, API_VERSION, wanted))
        except NotFound:
            self._writes.forget(key)
            return 0.0
        old: tuple[Condition, ...] = before.conditions if before else ()
        for event in status.transitions(old, getattr(after, "conditions", ())):
            await self.events.record(key, _uid(snapshot), event)
        return 0.0

    async def _report_invalid(self, key: Key, error: ConfigError) -> None:
        await self._warn(key, conditions.INVALID_SPEC, str(error))

    async def _report_bug(self, key: Key, trouble: Trouble) -> None:
        """In an event, and in the status if that is not where the bug is."""
        await self._warn(key, trouble.reason, trouble.message)
        try:
            snapshot = self.snapshots.take(key, self.now(), trouble)
            if snapshot is not None:
                await self._report(key, snapshot, desired_of(snapshot))
        except Exception as error:  # noqa: BLE001 - the bug is logged; only its report failed
            logger.warning("the bug is not in the status of %s: %r", key, error)

    async def _warn(self, key: Key, reason: str, message: str) -> None:
        raw = self.snapshots.cache.get(key) or {"metadata": {}}
        event = RecordEvent("Warning", reason, message)
        await self.events.record(key, raw["metadata"].get("uid", ""), event)


def _refusal(failures: list[OperatorError]) -> Trouble | None:
    refused = next((one for one in failures if isinstance(one, Refused)), None)
    return Trouble(conditions.POD_REFUSED, with_remedy(refused.message)) if refused else None


def _fetching_pods(snapshot: ModelSnapshot) -> dict[str, Address]:
    """uid -> address of the pods that fetch weights."""
    fetching = [
        pod
        for pod in snapshot.job_pods
        if pod["metadata"]["labels"].get(labels.COMPONENT) == "download"
    ]
    return {pod["metadata"]["uid"]: place for pod in fetching if (place := listening_at(pod))}


def _plan(snapshot: Snapshot, desired: Desired) -> list[Action]:
    match snapshot, desired:
        case ServiceSnapshot(), DesiredService():
            return plan.plan_service(snapshot, desired)
        case ModelSnapshot(), DesiredModel():
            return plan.plan_model(snapshot, desired)
        case RouterSnapshot(), DesiredRouter():
            return plan.plan_router(snapshot, desired)
    raise TypeError(f"{type(desired).__name__} is not of a {type(snapshot).__name__}")


def _status(snapshot: Snapshot, desired: Desired) -> BaseModel:
    match snapshot, desired:
        case ServiceSnapshot(), DesiredService():
            return status.service_status(snapshot, desired)
        case ModelSnapshot(), DesiredModel():
            return status.model_status(snapshot, desired)
        case RouterSnapshot(), DesiredRouter():
            return status.router_status(snapshot)
    raise TypeError(f"{type(desired).__name__} is not of a {type(snapshot).__name__}")


def _resource(snapshot: Snapshot) -> Any:
    match snapshot:
        case ServiceSnapshot():
            return snapshot.service
        case ModelSnapshot():
            return snapshot.model
        case RouterSnapshot():
            return snapshot.router


def _spec_version(snapshot: Snapshot) -> tuple[str | None, int | None]:
    """Changes with the spec, when the object is being deleted, and when it is made again."""
    meta = _resource(snapshot).metadata
    return meta.uid, meta.generation


def _uid(snapshot: Snapshot) -> str:
    return str(_resource(snapshot).metadata.uid)
