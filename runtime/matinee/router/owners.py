"""What each owner of a key has begun, against what the key allows. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from matinee.serving.allowance import Allowance
from matinee.serving.keys import Key

MINUTE_S = 60.0
Exceeded = Literal["sessions", "rate"]


@dataclass(slots=True)
class _Owner:
    sessions: int
    rate: Allowance | None


class Owners:
    """Sessions count from when a viewer asks for one until it is gone, queued ones too."""

    def __init__(self) -> None:
        self._owners: dict[str, _Owner] = {}

    def begin(self, key: Key, now: float) -> Exceeded | None:
        """Count a session; or say what the key allows no more of, and count nothing."""
        owner = self._owners.setdefault(key.name, _Owner(0, None))
        if key.max_sessions and owner.sessions >= key.max_sessions:
            return "sessions"
        if key.sessions_per_minute:
            rate = self._rate(owner, key, now)
            if rate.room(now) < 1:
                return "rate"
            rate.spend(1, now)
        owner.sessions += 1
        return None

    def end(self, key: Key) -> None:
        owner = self._owners[key.name]
        owner.sessions -= 1
        if not owner.sessions and owner.rate is None:
            del self._owners[key.name]

    def take_back(self, key: Key, now: float) -> None:
        """One that has not begun after all."""
        rate = self._owners[key.name].rate
        if rate is not None:
            rate.spend(-1, now)
        self.end(key)

    @staticmethod
    def _rate(owner: _Owner, key: Key, now: float) -> Allowance:
        per_second = key.sessions_per_minute / MINUTE_S
        if owner.rate is None or owner.rate.per_second != per_second:
            owner.rate = Allowance(per_second, max(1.0, key.sessions_per_minute), now)
        return owner.rate


def words_of(exceeded: Exceeded, key: Key) -> str:
    if exceeded == "sessions":
        return f"this key allows {key.max_sessions} sessions at once"
    return f"this key allows {key.sessions_per_minute:g} new sessions a minute"
