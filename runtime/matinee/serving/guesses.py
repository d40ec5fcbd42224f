"""How often somebody may be wrong about a secret: so many times at once, then one every so often.

Only mistakes count. They are counted for each address and each secret apart, because behind a proxy
or a router all viewers have one address. Pure: time is passed in.
"""

from __future__ import annotations

from collections import OrderedDict

MOST_REMEMBERED = 4096
"""The one that was wrong longest ago is forgotten first."""

Guess = tuple[str, str]
"""The address, and what the secret is of."""


class Guesses:
    """`burst`: mistakes at once; one more is forgiven every `forgiven_s`."""

    def __init__(self, burst: int, forgiven_s: float) -> None:
        self._burst = burst
        self._forgiven_s = forgiven_s
        self._good_at: OrderedDict[Guess, float] = OrderedDict()
        """When all mistakes are forgiven, monotonic seconds."""

    def wait_s(self, guess: Guess, now: float) -> float:
        """Seconds until this address may guess again; 0.0: it may."""
        return max(0.0, self._good_at.get(guess, 0.0) - now - self._room_s)

    def was_wrong(self, guess: Guess, now: float) -> None:
        good_at = max(self._good_at.pop(guess, 0.0), now)
        self._good_at[guess] = good_at + self._forgiven_s
        if len(self._good_at) > MOST_REMEMBERED:
            self._good_at.popitem(last=False)

    @property
    def _room_s(self) -> float:
        return (self._burst - 1) * self._forgiven_s
