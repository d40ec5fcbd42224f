"""Work that clients cause, in portions: whatever they send, the event loop stays free for others.

Each connection hands in pieces of a few milliseconds at most. A turn of the loop does a few
milliseconds of them. Those of connections that used little time lately go first; the long pieces
and those of busy connections come one after the other, and rest as long as they took, so that
somebody who only asks how we are meets at most one of them.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

TURN_S = 0.004
LIGHT_PIECE_S = 0.001
ALLOWANCE_S = 0.03
"""Time that a connection may use at once and still counts as one that uses little."""
ALLOWANCE_PER_S = 0.03

Piece = Callable[[], bool]
"""Does a piece of work and says whether there is more of it."""


@dataclass(slots=True)
class Account:
    """The time that a connection used lately. Pure: `now` is passed in."""

    used_s: float = 0.0
    at: float = 0.0

    def charge(self, seconds: float, now: float) -> None:
        self.used_s = self._used_at(now) + seconds
        self.at = now

    def is_light(self, now: float) -> bool:
        return self._used_at(now) < ALLOWANCE_S

    def _used_at(self, now: float) -> float:
        return max(0.0, self.used_s - (now - self.at) * ALLOWANCE_PER_S)


@dataclass(frozen=True, slots=True)
class _Work:
    account: Account
    piece: Piece
    expected_s: float


class Turns:
    """`clock`: monotonic seconds, finer than a millisecond."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._light: deque[_Work] = deque()
        self._heavy: deque[_Work] = deque()
        self._used_s = 0.0
        self._rest_until = 0.0
        self._woken = False
        self._timer: asyncio.TimerHandle | None = None

    def ask(self, account: Account, piece: Piece, expected_s: float = 0.0) -> None:
        """Do the piece, and again while it says that there is more: now, when there is time left
        in this turn, else later. `expected_s`: what it causes takes so long at least."""
        work = _Work(account, piece, expected_s)
        self._wake()
        while self._is_light(work) and not self._light and self._used_s < TURN_S:
            if not self._do(work):
                return
        self._put(work)

    async def turn(self, account: Account, expected_s: float) -> None:
        """Wait until there is time for something that takes so long."""
        come = asyncio.get_running_loop().create_future()

        def tell() -> bool:
            if not come.done():
                come.set_result(None)
            return False

        self.ask(account, tell, expected_s)
        if not come.done():
            await come

    # Within

    def _is_light(self, work: _Work) -> bool:
        return work.expected_s <= LIGHT_PIECE_S and work.account.is_light(self._clock())

    def _put(self, work: _Work) -> None:
        (self._light if self._is_light(work) else self._heavy).append(work)

    def _do(self, work: _Work) -> bool:
        began = self._clock()
        try:
            return work.piece()
        finally:
            now = self._clock()
            took_s = max(now - began, work.expected_s)
            work.account.charge(took_s, now)
            self._used_s += took_s

    def _wake(self) -> None:
        self._timer = None
        if not self._woken:
            self._woken = True
            asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        self._woken = False
        self._used_s = 0.0
        try:
            self._do_light()
            self._do_heavy()
        finally:
            self._plan()

    def _do_light(self) -> None:
        while self._light and self._used_s < TURN_S:
            work = self._light.popleft()
            if self._do(work):
                self._put(work)

    def _do_heavy(self) -> None:
        """One piece at least, so that they get on however many light ones there are."""
        if self._clock() < self._rest_until:
            return
        heavy_s, before_s = 0.0, self._used_s
        while self._heavy and heavy_s < TURN_S / 2:
            work = self._heavy.popleft()
            if self._do(work):
                self._put(work)
            heavy_s = self._used_s - before_s
        self._rest_until = self._clock() + heavy_s

    def _plan(self) -> None:
        rest_s = self._rest_until - self._clock()
        if self._light or (self._heavy and rest_s <= 0):
            self._wake()
        elif self._heavy and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(rest_s, self._wake)
