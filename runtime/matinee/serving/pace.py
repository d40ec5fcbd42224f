"""How often each of many may do something: so many times at once, then once every so often.

Openings of streams are counted for each address. Wrong tokens are counted for each address and each
session apart, because behind a proxy or a router all viewers have one address. Pure: time is passed
in.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

Who = TypeVar("Who", bound=Hashable)
MOST_REMEMBERED = 4096
"""The one that did it longest ago is forgotten first."""


class Pace(Generic[Who]):
    """`burst`: how often at once; once more is free after each `every_s`."""

    def __init__(self, burst: int, every_s: float) -> None:
        self._burst = burst
        self._every_s = every_s
        self._forgotten_at: OrderedDict[Who, float] = OrderedDict()
        """When all that was done no longer counts, monotonic seconds."""

    def wait_s(self, who: Who, now: float) -> float:
        """Seconds until they may do it again; 0.0: at once."""
        saved_s = (self._burst - 1) * self._every_s
        return max(0.0, self._forgotten_at.get(who, 0.0) - now - saved_s)

    def did(self, who: Who, now: float) -> None:
        at = max(self._forgotten_at.pop(who, 0.0), now)
        self._forgotten_at[who] = at + self._every_s
        if len(self._forgotten_at) > MOST_REMEMBERED:
            self._forgotten_at.popitem(last=False)
