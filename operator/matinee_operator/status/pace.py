"""How often a status is written when only its numbers of viewers are news: a join or a leave costs
no write of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from matinee_api.kinds import conditions
from matinee_operator.objects import Key, Object

COUNTS_EVERY = timedelta(seconds=5)
_COUNTS = ("sessions", "queued")


@dataclass(slots=True)
class StatusPace:
    """When the status of each object was written last."""

    _written: dict[Key, datetime] = field(default_factory=dict)

    def wait_s(self, key: Key, stored: Object | None, wanted: Object, now: datetime) -> float:
        """How long the wanted status can wait; 0: write it now."""
        written = self._written.get(key)
        if stored is None or written is None or _facts(stored) != _facts(wanted):
            return 0.0
        return max(0.0, (written + COUNTS_EVERY - now).total_seconds())

    def wrote(self, key: Key, now: datetime) -> None:
        self._written[key] = now

    def forget(self, key: Key) -> None:
        self._written.pop(key, None)


def _facts(status: Object) -> dict[str, Any]:
    """Without the numbers of viewers, which are in the message of `Draining` too."""
    kept = {name: value for name, value in status.items() if name not in _COUNTS}
    kept["pods"] = [_without(pod, "sessions") for pod in status.get("pods", ())]
    kept["conditions"] = [
        _without(one, "message") if one["type"] == conditions.DRAINING else one
        for one in status.get("conditions", ())
    ]
    return kept


def _without(value: Object, name: str) -> dict[str, Any]:
    return {key: each for key, each in value.items() if key != name}
