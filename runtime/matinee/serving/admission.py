"""Who gets a slot and who waits: a bounded first-come queue over the workers' slots.

A slot is room for one session on one worker. Viewers who wait are told their place whenever it
changes. The number of slots follows the workers: none while they start, fewer after one is lost.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from matinee.serving.session_lengths import SessionLengths


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


class Visit:
    """One viewer's way through the queue to a slot. Who entered it leaves it, whatever happens."""

    def __init__(self, admission: Admission, on_place: Callable[[Place], None]) -> None:
        self.on_place = on_place
        self.slot_given = asyncio.get_running_loop().create_future()
        self._admission = admission
        self._told: tuple[int, int] | None = None
        self._left = False
        self._slot_since: float | None = None

    async def slot(self) -> None:
        """Wait for the slot. Raises `NotAdmitting`."""
        await asyncio.shield(self.slot_given)

    def leave(self) -> None:
        """Give back the slot or the place in the queue; a second time changes nothing."""
        if not self._left:
            self._left = True
            self._admission.left(self, self._slot_since)

    def pass_on(self, on_place: Callable[[Place], None]) -> Visit | None:
        """Leave, and give the slot to another visit at once, whoever waits. None: there is none."""
        if self._left or self._slot_since is None:
            return None
        self._left = True
        heir = Visit(self._admission, on_place)
        heir.give_slot(self._slot_since)
        heir.tell(Place(0, 0, 0.0))
        return heir

    def give_slot(self, now: float) -> None:
        self._slot_since = now
        self.slot_given.set_result(None)

    def refuse(self, error: NotAdmitting) -> None:
        self._left = True
        self.slot_given.set_exception(error)
        self.slot_given.exception()  # one who has not come to wait for it is told elsewhere

    def tell(self, place: Place) -> None:
        """Only news: `position` and `depth`."""
        if self._told != (place.position, place.depth):
            self._told = (place.position, place.depth)
            self.on_place(place)


@dataclass(slots=True)
class Admission:
    """`max_queue`: viewers that may wait. `on_change` is called after each change."""

    max_queue: int
    on_change: Callable[[], None] = lambda: None
    slots: int = 0
    taken: int = 0
    _closed_because: list[str] = field(default_factory=list)
    _waiters: deque[Visit] = field(default_factory=deque)
    _lengths: SessionLengths = field(default_factory=SessionLengths)

    @property
    def waiting(self) -> int:
        return len(self._waiters)

    @property
    def closed_because(self) -> str | None:
        return next(iter(self._closed_because), None)

    @property
    def free(self) -> int:
        return max(0, self.slots - self.taken)

    def set_slots(self, slots: int) -> None:
        """The workers that are ready have `slots` between them. Sessions that run keep theirs."""
        self.slots = slots
        self._admit()

    def close(self, because: str) -> None:
        """Admit nobody any more; those who wait get `NotAdmitting`."""
        if because not in self._closed_because:
            self._closed_because.append(because)
        while self._waiters:
            self._waiters.popleft().refuse(NotAdmitting(because))
        self.on_change()

    def reopen(self, because: str) -> None:
        """That is no longer a reason; there may be others."""
        if because in self._closed_because:
            self._closed_because.remove(because)
        self.on_change()

    def enter(self, on_place: Callable[[Place], None]) -> Visit:
        """Take a free slot or a place in the queue; `on_place` hears of it, and of every change.

        Raises `QueueFull` and `NotAdmitting`.
        """
        if (because := self.closed_because) is not None:
            raise NotAdmitting(because)
        visit = Visit(self, on_place)
        if self.free and not self._waiters:
            on_place(Place(0, 0, 0.0))
            self._give_slot(visit)
            self.on_change()
        elif len(self._waiters) >= self.max_queue:
            raise QueueFull
        else:
            self._waiters.append(visit)
            self._tell_places()
        return visit

    # For visits

    def left(self, visit: Visit, slot_since: float | None) -> None:
        if slot_since is None:
            self._waiters.remove(visit)
        else:
            self.taken -= 1
            self._lengths.remember(asyncio.get_running_loop().time() - slot_since)
        self._admit()

    # Within

    def _give_slot(self, visit: Visit) -> None:
        self.taken += 1
        visit.give_slot(asyncio.get_running_loop().time())

    def _admit(self) -> None:
        while self._waiters and self.free:
            self._give_slot(self._waiters.popleft())
        self._tell_places()

    def _tell_places(self) -> None:
        depth = len(self._waiters)
        for position, waiter in enumerate(self._waiters):
            waiter.tell(Place(position, depth, self._lengths.eta_s(position, self.slots)))
        self.on_change()
