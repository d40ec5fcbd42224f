"""One key: snapshot -> plan -> apply -> status. The only place where a plan meets the world."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from matinee_api.config.errors import ConfigError
from matinee_api.kinds import conditions
from matinee_api.kinds.meta import API_VERSION, Condition
from matinee_operator import labels, plan, status
from matinee_operator.actions import Action, RecordEvent
from matinee_operator.clients.events import Events
from matinee_operator.clients.job_refusals import AGAIN_S, job_refusals
from matinee_operator.clients.kube import Kube
from matinee_operator.clients.performing import About, Performing
from matinee_operator.clients.pod_feeds import PROGRESS, ROUTER, SLOTS, PodFeeds
from matinee_operator.clients.writes import Writes
from matinee_operator.desired import (
    Desired,
    DesiredModel,
    DesiredRouter,
    DesiredService,
    desired_of,
)
from matinee_operator.errors import NameTaken, NotFound, OperatorError, Refused, with_remedy
from matinee_operator.internal_errors import InternalErrors
from matinee_operator.metrics import Metrics
from matinee_operator.objects import Address, Key, Object
from matinee_operator.observe.pod_trouble import Trouble
from matinee_operator.observe.pods import listening_at
from matinee_operator.observe.snapshot import (
    ModelSnapshot,
    RouterSnapshot,
    ServiceSnapshot,
    Snapshot,
)
from matinee_operator.observe.snapshots import Snapshots
from matinee_operator.resting import Resting

logger = logging.getLogger(__name__)


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
    _performing: Performing = field(init=False)
    _internal_errors: InternalErrors = field(init=False)
    _resting: Resting = field(init=False)

    def __post_init__(self) -> None:
        self._internal_errors = InternalErrors(self.metrics)
        self._resting = Resting(self.snapshots)
        writes = Writes(self.kube, self.snapshots.cache, self.metrics, self.seen)
        self._performing = Performing(writes, self.events, self.feeds)

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
        await self._look_for_the_lost(key)
        inputs = self._resting.inputs(key)
        if self._resting.rests(key, inputs):
            return None
        self._resting.note(key, inputs, at_rest=False)
        acted, again_s = await self._attend(key)
        self._resting.note(key, inputs, at_rest=not acted and again_s is None)
        return again_s

    async def _attend(self, key: Key) -> tuple[bool, float | None]:
        """Whether there was something to do, and after how many seconds there is again."""
        look_again_s = await self._look_for_refusals(key)
        try:
            snapshot = self.snapshots.take(key, self.now(), self._refusals.get(key))
        except ConfigError as error:
            trouble = Trouble(conditions.INVALID_SPEC, str(error))
            await self._warn(key, trouble)
            await self._report_as_it_is(key, trouble)
            return True, None
        self._listen(key, snapshot)
        if snapshot is None:
            self._refusals.pop(key, None)
            self._pace.forget(key)
            return True, None
        desired = desired_of(snapshot)
        about = About(key, _uid(snapshot), getattr(snapshot, "tokens", ()))
        actions = _plan(snapshot, desired)
        done = await self._performing.perform(about, actions)
        refusal = _refusal(key, done.failures)
        if refusal is None:
            self._refusals.pop(key, None)
        else:
            self._refusals[key] = refusal
        after = self._after(key, snapshot, refusal)
        wait_s = await self._report(key, after, desired) if after else None
        if done.failures:
            raise done.failures[0]
        again_s = min(filter(None, (done.again_s, look_again_s, wait_s)), default=None)
        return bool(actions), again_s

    async def _look_for_the_lost(self, key: Key) -> None:
        """A watch says that a child is gone also when it only lost the label that is watched."""
        cache = self.snapshots.cache
        for child in cache.doubtful(key):
            with contextlib.suppress(NotFound):
                self.seen(False, await self.kube.get(child))
            cache.looked_for(key, child)

    async def _look_for_refusals(self, key: Key) -> float | None:
        """Of the pods of a model's Jobs. When to look again."""
        if key.kind != "VideoModel":
            return None
        idle, known = self.snapshots.idle_jobs(key), self.snapshots.refusals
        known.pop(key, None)
        if refusals := await job_refusals(self.kube, idle):
            known[key] = refusals
        return AGAIN_S if idle else None

    def _listen(self, key: Key, snapshot: Snapshot | None) -> None:
        """To the pods that have something to say about this object."""
        match snapshot:
            case ServiceSnapshot():
                live = (pod for pod in snapshot.pods if pod.running and not pod.finished)
                places = {pod.uid: pod.control for pod in live if pod.control}
                self.feeds.follow(key, SLOTS, places, snapshot.tokens)
            case ModelSnapshot():
                self.feeds.follow(key, PROGRESS, _fetching_pods(snapshot))
            case RouterSnapshot():
                self.feeds.follow(key, ROUTER, snapshot.addresses, snapshot.tokens)
            case _:
                self.feeds.follow(key, SLOTS, {})

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
        if not await self._write_status(key, wanted):
            return 0.0
        self._pace.wrote(key, snapshot.now)
        old: tuple[Condition, ...] = before.conditions if before else ()
        for event in status.transitions(old, getattr(after, "conditions", ())):
            await self.events.record(key, _uid(snapshot), event)
        return 0.0

    async def _write_status(self, key: Key, wanted: Mapping[str, Any]) -> bool:
        """Whether the object is still there."""
        self.metrics.count("writes_total", action="status")
        try:
            self.seen(False, await self.kube.apply_status(key, API_VERSION, wanted))
        except NotFound:
            self._performing.writes.forget(key)
            return False
        return True

    async def _report_bug(self, key: Key, trouble: Trouble) -> None:
        """In an event and in the status, wherever the bug is."""
        await self._warn(key, trouble)
        try:
            await self._report_whole(key, trouble)
        except OperatorError as error:
            logger.warning("the bug is not in the status of %s: %s", key, error)

    async def _report_whole(self, key: Key, trouble: Trouble) -> None:
        """As far as the bug lets a status be made."""
        try:
            snapshot = self.snapshots.take(key, self.now(), trouble)
            if snapshot is not None:
                await self._report(key, snapshot, desired_of(snapshot))
        except OperatorError:
            raise
        except Exception as error:  # noqa: BLE001 - the bug is logged; here it is reported
            logger.debug("no status can be made of %s: %r", key, error)
            await self._report_as_it_is(key, trouble)

    async def _report_as_it_is(self, key: Key, trouble: Trouble) -> None:
        """Without a look at anything but the stored object."""
        raw = self.snapshots.cache.get(key)
        if raw is None:
            return
        wanted = status.degraded_status(raw, trouble, self.now())
        if wanted != raw.get("status"):
            await self._write_status(key, wanted)

    async def _warn(self, key: Key, trouble: Trouble) -> None:
        raw = self.snapshots.cache.get(key) or {"metadata": {}}
        event = RecordEvent("Warning", trouble.reason, trouble.message)
        await self.events.record(key, raw["metadata"].get("uid", ""), event)


def _refusal(key: Key, failures: list[OperatorError]) -> Trouble | None:
    taken = [one.what for one in failures if isinstance(one, NameTaken)]
    if taken:
        remedy = f"left alone. Delete or rename what is there, or give this {key.kind} another name"
        message = f"the names of children are taken by others: {', '.join(taken)}; {remedy}"
        return Trouble(conditions.NAME_TAKEN, message)
    refused = next((one for one in failures if isinstance(one, Refused)), None)
    return Trouble(conditions.POD_REFUSED, with_remedy(refused.message)) if refused else None


def _fetching_pods(snapshot: ModelSnapshot) -> dict[str, Address]:
    """uid -> address of the pods that fetch weights."""
    fetching = [
        pod
        for pod in snapshot.job_pods
        if (pod["metadata"].get("labels") or {}).get(labels.COMPONENT) == "download"
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
            return status.router_status(snapshot, desired)
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
