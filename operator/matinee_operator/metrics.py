"""The operator's counters and gauges, in Prometheus' text form."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    disable_created_metrics,
    generate_latest,
)

NAMESPACE = "matinee_operator"
COUNTERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "api_requests_total": ("Requests to the API server by verb", ("verb",)),
    "reconciles_total": ("Reconciles, by kind and result", ("kind", "result")),
    "reconcile_seconds_total": ("Time spent in reconciles, by kind", ("kind",)),
    "writes_total": ("Changes made through the API server, by action", ("action",)),
    "missed_events_total": (
        "Changes that only a full relist found, by kind",
        ("kind",),
    ),
    "internal_errors_total": (
        "Bugs met in reconciles, by kind",
        ("kind",),
    ),
}
"""Meaning and labels."""
GAUGES = {
    "queue_depth": "Objects that are pending or in flight",
    "queue_oldest_seconds": "How long the oldest of them is overdue",
    "leader": "1 on the replica that leads",
    "pod_feeds": "Pods whose sessions are followed",
}

disable_created_metrics()  # they would double the series, and nobody reads them


class Metrics:
    """`count` adds to a counter; a gauge is a function that is asked when somebody reads."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._counters = {
            name: Counter(name, meaning, labels, namespace=NAMESPACE, registry=self._registry)
            for name, (meaning, labels) in COUNTERS.items()
        }
        self._gauges = {
            name: Gauge(name, meaning, namespace=NAMESPACE, registry=self._registry)
            for name, meaning in GAUGES.items()
        }

    def count(self, name: str, amount: float = 1.0, **labels: str) -> None:
        self._counters[name].labels(**labels).inc(amount)

    def total(self, name: str, **labels: str) -> float:
        """Over all series that have these labels."""
        (family,) = self._counters[name].collect()
        return sum(one.value for one in family.samples if labels.items() <= one.labels.items())

    def gauge(self, name: str, read: Callable[[], float]) -> None:
        self._gauges[name].set_function(read)

    def text(self) -> str:
        return generate_latest(self._registry).decode()
