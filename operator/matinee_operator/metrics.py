"""Counters and gauges in Prometheus' text form. A library for these few lines would be larger."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

PREFIX = "matinee_operator_"
HELP = {
    "api_requests_total": ("counter", "Requests to the API server by verb"),
    "reconciles_total": ("counter", "Objects looked at, by kind and result"),
    "reconcile_seconds_total": ("counter", "Time spent on looking at objects, by kind"),
    "writes_total": ("counter", "Changes made through the API server, by action"),
    "missed_events_total": ("counter", "Changes that a look at everything found first, by kind"),
    "queue_depth": ("gauge", "Objects that wait to be looked at"),
    "queue_oldest_seconds": ("gauge", "How long the object that waits longest is overdue"),
    "leader": ("gauge", "1 on the replica that acts"),
    "pod_feeds": ("gauge", "Pods whose sessions are followed"),
}

Labels = tuple[tuple[str, str], ...]


@dataclass(slots=True)
class Metrics:
    """`count` adds to a counter; a gauge is a function that is asked when somebody reads."""

    _counters: dict[str, dict[Labels, float]] = field(default_factory=dict)
    _gauges: dict[str, Callable[[], float]] = field(default_factory=dict)

    def count(self, name: str, amount: float = 1.0, **labels: str) -> None:
        series = self._counters.setdefault(name, {})
        key = tuple(sorted(labels.items()))
        series[key] = series.get(key, 0.0) + amount

    def total(self, name: str, **labels: str) -> float:
        """Over all series that have these labels."""
        series = self._counters.get(name, {})
        return sum(value for key, value in series.items() if set(labels.items()) <= set(key))

    def gauge(self, name: str, read: Callable[[], float]) -> None:
        self._gauges[name] = read

    def text(self) -> str:
        lines: list[str] = []
        for name, (kind, meaning) in HELP.items():
            lines += [f"# HELP {PREFIX}{name} {meaning}", f"# TYPE {PREFIX}{name} {kind}"]
            if name in self._gauges:
                lines.append(f"{PREFIX}{name} {self._gauges[name]():g}")
            for labels, value in self._counters.get(name, {}).items():
                inside = ",".join(f'{key}="{text}"' for key, text in labels)
                lines.append(f"{PREFIX}{name}{{{inside}}} {value:g}")
        return "\n".join(lines) + "\n"
