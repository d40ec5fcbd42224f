"""Sleep until a session's deadline: no polling, and at most one timer at a time."""

from __future__ import annotations

import asyncio

from matinee.session.clock import Clock, Timer


class DeadlineAlarm:
    """`set` as often as you like; one task awaits `rings`.

    A deadline moves back or goes away, never forward. So the timer that runs rings in time or too
    early, and who is woken too early sets it again.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._timer: Timer | None = None
        self._woken = asyncio.Event()

    def set(self, deadline: float | None) -> None:
        """Monotonic seconds; None: there is none now."""
        if deadline is not None and self._timer is None:
            self._timer = self._clock.call_at(deadline, self._ring)

    async def rings(self) -> None:
        """Returns at the deadline, perhaps before, and when it is switched off."""
        await self._woken.wait()
        self._woken.clear()

    def wake(self) -> None:
        """Ring now."""
        self._woken.set()

    def switch_off(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._woken.set()

    def _ring(self) -> None:
        self._timer = None
        self._woken.set()
