"""Who gets a slot and who waits: a bounded first-come queue over the workers' slots.

A slot is room for one session on one worker. Viewers who wait are told their place whenever it
changes. The number of slots follows the workers: none while they start, fewer after one is lost.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

SMOOTHING = 0.3
"""Weight of the newest session's length in the running mean that the ETA comes from."""


class QueueFull(Exception):
    """More viewers wait already than may wait."""


class NotAdmitting(Exception):
    """The server drains or its workers are beyond repair; the message says which."""


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the queue. `eta_s` is None until a session's length is known."""

    position: int
    depth: int
    eta_s: float | None


@dataclass(slots=True, eq=False)
class _Waiter:
    admitted: asyncio.Future[None]
    on_place: Callable[[Place], None]
    told: tuple[int, int] | None = None

    def tell(self, place: Place) -> None:
        """Only news: `position` and `depth`."""
        if self.told != (place.position, place.depth):
            self.told = (place.position, place.depth)
            self.on_place(place)


@dataclass(slots=True)
class Admission:
    """`max_queue`: viewers that may wait. `on_change` is called after each change."""

    max_queue: int
    on_change: Callable[[], None] = lambda: None
    slots: int = 0
    taken: int = 0
    closed_because: str | None = None
    _waiters: deque[_Waiter] = field(default_factory=deque)
    _mean_session_s: float | None = None

    @property
    def waiting(self) -> int:
        return len(self._waiters)

    @property
    def free(self) -> int:
        return max(0, self.slots - self.taken)

    def set_slots(self, slots: int) -> None:
        """The workers that are ready have `slots` between them. Sessions that run keep theirs."""
        self.slots = slots
        self._admit()

    def close(self, because: str) -> None:
        """Admit nobody any more; those who wait get `NotAdmitting`."""
        self.closed_because = because
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.admitted.done():
                waiter.admitted.set_exception(NotAdmitting(because))
        self.on_change()

    @asynccontextmanager
    async def slot(self, on_place: Callable[[Place], None]) -> AsyncIterator[None]:
        """Hold a slot. `on_place` hears the place at once and at every change.

        Raises `QueueFull` and `NotAdmitting`.
        """
        await self._acquire(on_place)
        started = asyncio.get_running_loop().time()
        try:
            yield
        finally:
            self._remember(asyncio.get_running_loop().time() - started)
            self.taken -= 1
            self._admit()

    async def _acquire(self, on_place: Callable[[Place], None]) -> None:
        if self.closed_because is not None:
            raise NotAdmitting(self.closed_because)
        if self.free and not self._waiters:
            on_place(Place(0, 0, 0.0))
            self.taken += 1
            self.on_change()
            return
        if len(self._waiters) >= self.max_queue:
            raise QueueFull
        await self._wait(_Waiter(asyncio.get_running_loop().create_future(), on_place))

    async def _wait(self, waiter: _Waiter) -> None:
        self._waiters.append(waiter)
        self._tell_places()
        try:
            await waiter.admitted
        except asyncio.CancelledError:
            self._forget(waiter)
            raise

    def _forget(self, waiter: _Waiter) -> None:
        """A waiter was cancelled, perhaps at the moment at which it was admitted."""
        if waiter in self._waiters:
            self._waiters.remove(waiter)
            self._tell_places()
        elif not waiter.admitted.cancelled() and waiter.admitted.exception() is None:
            self.taken -= 1
            self._admit()

    def _admit(self) -> None:
        while self._waiters and self.free:
            waiter = self._waiters.popleft()
            if waiter.admitted.done():
                continue  # cancelled just now; its task has not run since
            self.taken += 1
            waiter.admitted.set_result(None)
        self._tell_places()

    def _tell_places(self) -> None:
        depth = len(self._waiters)
        for position, waiter in enumerate(self._waiters):
            waiter.tell(Place(position, depth, self._eta_s(position)))
        self.on_change()

    def _eta_s(self, position: int) -> float | None:
        if self._mean_session_s is None or not self.slots:
            return None
        return round((position + 1) * self._mean_session_s / self.slots, 1)

    def _remember(self, session_s: float) -> None:
        mean = self._mean_session_s
        self._mean_session_s = session_s if mean is None else mean + SMOOTHING * (session_s - mean)
