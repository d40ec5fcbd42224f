"""Memory for long messages of all clients, while they arrive, are read and decoded. Pure.

One client's largest message is 48 MiB; without a common bound a hundred clients would hold
gigabytes before any of them is known. What does not fit waits in its client's socket. The holder
that came first may always grow, so that somebody always gets done; and who sends too slowly while
others wait gives way.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable

FREE_BYTES = 64 * 1024
"""Shorter messages are nothing to wait for."""
PATIENCE_S = 10.0
LEAST_BYTES_PER_S = 64 * 1024
"""How fast a message must come, on average after that time, while others wait for its memory."""


class MessageMemory:
    """`most_bytes`: of all holders but the first. `clock`: seconds."""

    def __init__(self, most_bytes: int, clock: Callable[[], float]) -> None:
        self._most_bytes = most_bytes
        self._clock = clock
        self._held: dict[Hashable, int] = {}
        self._arriving: dict[Hashable, tuple[float, int]] = {}
        """Whose message comes now: since when, and how much was there."""
        self._waiting: dict[Hashable, Callable[[], None]] = {}

    @property
    def held_bytes(self) -> int:
        return sum(self._held.values())

    def hold(self, holder: Hashable, size: int) -> bool:
        """`holder` wants `size` bytes in all; False when they are not to be had now."""
        if size <= FREE_BYTES:
            return True
        first = next(iter(self._held), holder)
        others = self.held_bytes - self._held.get(holder, 0) - self._held.get(first, 0)
        if holder != first and others + size > self._most_bytes:
            return False
        self._held[holder] = size
        self._arriving.setdefault(holder, (self._clock(), size))
        return True

    def wait(self, holder: Hashable, retry: Callable[[], None]) -> None:
        """`retry` is called once when something was released, in the order of waiting."""
        self._arriving.pop(holder, None)
        self._waiting.setdefault(holder, retry)

    def arrived(self, holder: Hashable) -> None:
        """Its message is complete."""
        self._arriving.pop(holder, None)

    def slow(self) -> list[Hashable]:
        """Whose messages come too slowly, as others wait."""
        return [one for one in self._arriving if self._waiting and self._is_slow(one)]

    def release(self, holder: Hashable, kept: int = 0) -> None:
        """All but `kept` bytes; what it holds never grows by this."""
        self.arrived(holder)
        held = self._held.get(holder, 0)
        if held <= kept:
            return
        if kept:
            self._held[holder] = kept
        else:
            del self._held[holder]
        waiting, self._waiting = self._waiting, {}
        for retry in waiting.values():
            retry()

    def leave(self, holder: Hashable) -> None:
        """It is gone, and waits for nothing."""
        self._waiting.pop(holder, None)
        self.release(holder)

    def _is_slow(self, holder: Hashable) -> bool:
        since, size = self._arriving[holder]
        took_s, came = self._clock() - since, self._held[holder] - size
        return took_s >= PATIENCE_S and came < took_s * LEAST_BYTES_PER_S
