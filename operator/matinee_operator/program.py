"""The parts put together, and the order in which they start and stop."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import kopf

from matinee_operator.clients.events import Events
from matinee_operator.clients.kube import Kube, connected
from matinee_operator.clients.leader import Leader
from matinee_operator.clients.pod_feeds import PodFeeds, pod_session
from matinee_operator.errors import OperatorError
from matinee_operator.health import Health, serving_health
from matinee_operator.installation import Installation, Monitors
from matinee_operator.metrics import Metrics
from matinee_operator.objects import Key, key_of
from matinee_operator.observe.cache import Cache
from matinee_operator.observe.snapshots import Snapshots
from matinee_operator.reconciler import Reconciler
from matinee_operator.settings import Settings
from matinee_operator.stopping import Stopping
from matinee_operator.watch import handlers
from matinee_operator.watch.discovery import LOOK_S, Discovery
from matinee_operator.watch.relations import across, affected
from matinee_operator.watch.resync import Resync
from matinee_operator.watch.workqueue import WorkQueue

logger = logging.getLogger(__name__)

SESSIONS_SETTLE_S = 0.2
"""Sessions start and end together: changes within this time are reconciled once."""
PROGRESS_SETTLE_S = 5.0
"""A download reports its progress every second; its object is written no more often than this."""


async def run(settings: Settings) -> signal.Signals | None:
    """Until a signal, which is returned, or an error that only a restart can fix."""
    stopping = Stopping()
    stopping.listen()
    try:
        await _operate(settings, stopping)
    except (asyncio.CancelledError, OperatorError, ExceptionGroup) as error:
        if stopping.asked_by is None:
            raise
        logger.debug("on the way to the end: %r", error)
    return stopping.asked_by


async def _operate(settings: Settings, stopping: Stopping) -> None:
    metrics = Metrics()
    async with AsyncExitStack() as stack:
        kube = await stack.enter_async_context(connected(metrics, settings.kubeconfig))
        session = await stack.enter_async_context(pod_session())
        parts = _Operator(settings, kube, session, metrics)
        await stack.enter_async_context(serving_health(parts.health, metrics, settings.health_port))
        stack.push_async_callback(parts.stop)
        await parts.run(stopping)


def utc_now() -> datetime:
    return datetime.now(UTC)


class WatchesEnded(OperatorError):
    """kopf stopped although it was not asked to."""


class _Operator:
    """Owns the parts of one process."""

    def __init__(
        self,
        settings: Settings,
        kube: Kube,
        session: aiohttp.ClientSession,
        metrics: Metrics,
    ) -> None:
        self._settings, self._kube, self._metrics = settings, kube, metrics
        self._cache, self._queue = Cache(), WorkQueue()
        self.health = Health(self._queue.oldest_s)
        self._feeds = PodFeeds(session, self._heard)
        self._leader = self._make_leader()
        self._snapshots = self._make_snapshots()
        self._reconciler = self._make_reconciler()
        self._resync = self._make_resync()
        kinds = handlers.watched(settings.namespaces)
        self._registry = handlers.registry(kube, kinds, self._seen, self._resync.relisted)
        self._discovery = Discovery(kube, self.health, self._kinds_changed)
        metrics.gauge("queue_depth", lambda: self._queue.depth)
        metrics.gauge("queue_oldest_seconds", self._queue.oldest_s)
        metrics.gauge("leader", lambda: float(self._leader.leading))
        metrics.gauge("pod_feeds", lambda: self._feeds.count)

    def _make_leader(self) -> Leader:
        return Leader(
            kube=self._kube,
            namespace=self._settings.namespace,
            identity=self._settings.identity,
            now=utc_now,
            clock=time.monotonic,
            lease_s=self._settings.lease_seconds,
            name=self._settings.lease_name,
        )

    def _make_snapshots(self) -> Snapshots:
        settings = self._settings
        installation = Installation(
            runtime_image=settings.runtime_image,
            image_pull_policy=settings.image_pull_policy,
            router_image=settings.router_image,
            namespace=settings.namespace,
            cluster_domain=settings.cluster_domain,
            monitoring_namespaces=settings.monitoring_namespaces,
            propagation=timedelta(seconds=settings.propagation_seconds),
        )
        return Snapshots(self._cache, self._feeds, installation, settings.operator_keys)

    def _make_reconciler(self) -> Reconciler:
        return Reconciler(
            kube=self._kube,
            snapshots=self._snapshots,
            feeds=self._feeds,
            events=Events(self._kube, self._settings.identity, utc_now),
            metrics=self._metrics,
            now=utc_now,
            seen=self._seen,
        )

    def _make_resync(self) -> Resync:
        namespaces = self._settings.namespaces
        return Resync(
            kube=self._kube,
            cache=self._cache,
            health=self.health,
            metrics=self._metrics,
            kinds=handlers.listed(namespaces),
            namespaces=namespaces,
            seen=self._seen,
            enqueue=self._queue.add,
        )

    async def run(self, stopping: Stopping) -> None:
        """Every replica watches; the leader also reconciles."""
        await self._discovery.first()
        await self._resync.first()
        stop_watching = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watch(stop_watching, stopping))
            ours = [
                group.create_task(self._act()),
                group.create_task(self._relist()),
                group.create_task(self._discovery.run(min(LOOK_S, self._settings.resync_seconds))),
            ]
            await stopping.wait()
            # kopf waits seconds for tasks that it did not start, so ours end first.
            for task in ours:
                task.cancel()
            await asyncio.gather(*ours, return_exceptions=True)
            await self.stop()
            stop_watching.set()

    async def stop(self) -> None:
        """Close the pods' feeds and release the Lease."""
        await self._feeds.close()
        await self._leader.release()

    async def _watch(self, stop: asyncio.Event, stopping: Stopping) -> None:
        namespaces, others = self._settings.namespaces, asyncio.all_tasks()
        async with self._naming_what_is_gone():
            tasks = await kopf.spawn_tasks(
                registry=self._registry,
                settings=handlers.kopf_settings(namespaces),
                standalone=True,
                clusterwide=not namespaces,
                namespaces=namespaces,
                stop_flag=stop,
            )
            stopping.listen()  # kopf has taken two signals: no other task has run since
            await kopf.run_tasks(tasks, ignored=others)
        if not stop.is_set():
            raise WatchesEnded("kopf ended by itself")

    async def _relist(self) -> None:
        async with self._naming_what_is_gone():
            await self._resync.run(self._settings.resync_seconds)

    @asynccontextmanager
    async def _naming_what_is_gone(self) -> AsyncIterator[None]:
        """Of a kind that is gone the API server only says "404"."""
        try:
            yield
        except Exception:
            await self._discovery.check()
            raise

    async def _act(self) -> None:
        if not self._settings.leader_election:
            self._leader.leading = True
            await self._queue.run(self._settings.workers, self._reconciler.reconcile)
            return
        await self._leader.acquire()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._leader.keep())
            group.create_task(self._queue.run(self._settings.workers, self._reconciler.reconcile))

    def _kinds_changed(self, served: frozenset[str]) -> None:
        """Optional kinds were installed or removed: what may have some is looked at again."""
        settings = self._settings
        wanted = Monitors(settings.pod_monitor_labels, settings.pod_monitor_interval)
        monitors = wanted if "PodMonitor" in served and settings.pod_monitors else None
        self._snapshots.installation = replace(
            self._snapshots.installation, monitors=monitors, has_routes="HTTPRoute" in served
        )
        for kind in ("StreamingService", "Router"):
            for raw in self._cache.of_kind(kind):
                self._queue.add(key_of(raw))

    def _seen(self, gone: bool, raw: Mapping[str, Any]) -> None:
        key = key_of(raw)
        before = self._cache.get(key)
        changed = self._cache.remove(raw) if gone else self._cache.put(raw)
        if changed:
            for each in affected(self._cache, raw, None if gone else before):
                self._queue.add(each)

    def _heard(self, root: Key) -> None:
        """A pod of this object said something new."""
        settle_s = PROGRESS_SETTLE_S if root.kind == "VideoModel" else SESSIONS_SETTLE_S
        self._queue.add(root, settle_s)
        for other in across(self._cache, root):
            self._queue.add(other, SESSIONS_SETTLE_S)
