"""What the router counts, as Prometheus reads it. Plain numbers, so that a splice pays nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from matinee.router.queue import Queue
from matinee.router.table import Table

if TYPE_CHECKING:
    from matinee.router.shared_queue import SharedQueue


class Tally(Collector):
    """`refusals`: viewers, by the reason; `placements`: sessions, by the backend's name."""

    def __init__(self, table: Table, queue: Queue, shared: SharedQueue | None = None) -> None:
        self.registry = CollectorRegistry()
        self.placements: Counter[str] = Counter()
        self.refusals: Counter[str] = Counter()
        self.not_taken = 0
        self.lost = 0
        self.moves = 0
        self.move_s = 0.0
        self.bytes: Counter[str] = Counter()
        self._table = table
        self._queue = queue
        self._shared = shared
        self.registry.register(self)

    def placed(self, backend: str) -> None:
        """A session. Backends that are gone are forgotten: pods come and go under new names, and
        each would stay."""
        self.placements[backend] += 1
        if len(self.placements) > 2 * len(self._table):
            self._forget_gone()

    def _forget_gone(self) -> None:
        known = {one.address.name for one in self._table}
        for name in [one for one in self.placements if one not in known]:
            del self.placements[name]

    def moved(self, gap_s: float) -> None:
        """A session, whose video stood still for so long."""
        self.moves += 1
        self.move_s += gap_s

    def collect(self) -> Iterator[Metric]:
        yield from self._gauges()
        yield from self._totals()
        placed = CounterMetricFamily(
            "matinee_router_placements", "Sessions placed on a backend", labels=["backend"]
        )
        self._forget_gone()
        for backend, count in self.placements.items():
            placed.add_metric([backend], count)
        yield placed
        refused = CounterMetricFamily(
            "matinee_router_refusals", "Viewers that got no session", labels=["reason"]
        )
        for reason, count in self.refusals.items():
            refused.add_metric([reason], count)
        yield refused
        sent = CounterMetricFamily(
            "matinee_router_bytes", "Bytes of sessions that ended", labels=["direction"]
        )
        for direction in ("to_viewers", "to_backends"):
            sent.add_metric([direction], self.bytes[direction])
        yield sent

    def _totals(self) -> Iterator[Metric]:
        yield CounterMetricFamily(
            "matinee_router_not_taken", "Times that a backend took no session", value=self.not_taken
        )
        yield CounterMetricFamily(
            "matinee_router_moved", "Sessions moved from a lost backend", value=self.moves
        )
        yield CounterMetricFamily(
            "matinee_router_moved_seconds", "Time that it took, of all", value=self.move_s
        )
        yield CounterMetricFamily(
            "matinee_router_lost", "Sessions whose backend was lost", value=self.lost
        )

    def _gauges(self) -> Iterator[Metric]:
        yield GaugeMetricFamily(
            "matinee_router_queue", "Viewers that are queued for a slot", value=len(self._queue)
        )
        if self._shared is not None:
            yield GaugeMetricFamily(
                "matinee_router_queue_shared",
                "Whether the viewers of other routers are in the queue",
                value=self._shared.reachable,
            )
        sessions = GaugeMetricFamily(
            "matinee_router_sessions", "Sessions that play", labels=["backend"]
        )
        up = GaugeMetricFamily(
            "matinee_router_backend_up", "Whether it may get sessions", labels=["backend"]
        )
        for backend in self._table:
            sessions.add_metric([backend.address.name], len(backend.sessions))
            up.add_metric([backend.address.name], backend.takes_new)
        yield sessions
        yield up
