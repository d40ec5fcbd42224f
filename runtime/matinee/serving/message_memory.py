"""Memory for long messages of all clients, while they arrive, are read and decoded. Pure.

One client's largest message is 48 MiB; without a common bound a hundred clients would hold
gigabytes before any of them is known. What does not fit waits in its client's socket. The holder
that came first may always grow, so that somebody always gets done.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable

FREE_BYTES = 64 * 1024
"""Shorter messages are nothing to wait for."""


class MessageMemory:
    """`most_bytes`: of all holders but the first."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._held: dict[Hashable, int] = {}
        self._waiting: deque[Callable[[], None]] = deque()

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
        return True

    def wait(self, retry: Callable[[], None]) -> None:
        """`retry` is called once when something was released."""
        self._waiting.append(retry)

    def release(self, holder: Hashable, kept: int = 0) -> None:
        """All but `kept` bytes; what it holds never grows by this."""
        held = self._held.get(holder, 0)
        if held <= kept:
            return
        if kept:
            self._held[holder] = kept
        else:
            del self._held[holder]
        waiting, self._waiting = self._waiting, deque()
        for retry in waiting:
            retry()
