"""How often somebody may be wrong about a secret: so many times at once, then one every so often.

Only mistakes count, so whoever knows the secret is not held up by others of another address. Pure:
time is passed in.
"""

from __future__ import annotations

from collections import OrderedDict

MOST_ADDRESSES = 4096
"""That are remembered; the one that was wrong longest ago is forgotten first."""


class Guesses:
    """`burst`: mistakes at once; one more is forgiven every `forgiven_s`."""

    def __init__(self, burst: int, forgiven_s: float) -> None:
        self._burst = burst
        self._forgiven_s = forgiven_s
        self._good_at: OrderedDict[str, float] = OrderedDict()
        """When all mistakes of an address are forgiven, monotonic seconds."""

    def wait_s(self, address: str, now: float) -> float:
        """Seconds until this address may guess again; 0.0: it may."""
        return max(0.0, self._good_at.get(address, 0.0) - now - self._room_s)

    def was_wrong(self, address: str, now: float) -> None:
        good_at = max(self._good_at.pop(address, 0.0), now)
        self._good_at[address] = good_at + self._forgiven_s
        if len(self._good_at) > MOST_ADDRESSES:
            self._good_at.popitem(last=False)

    @property
    def _room_s(self) -> float:
        return (self._burst - 1) * self._forgiven_s
