"""When a session is written down: with each state, when its viewer is gone, and when it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from matinee.generation import State
from matinee.session.effects import AnswerSnapshot, CloseCode, End, HandOver, KeepState
from matinee.session.opened import Opened
from matinee.session.outlet import Outlet
from matinee.session.record import SessionRecord
from matinee.session.states import StateKeeper
from matinee.session.studio import Studio
from matinee_api.contracts.pod_http import HANDED_OVER

_HANDED_OVER = End("drained", CloseCode.RESTART, HANDED_OVER, silent=True)


class SessionKeeper:
    """Nobody waits for what is saved; it happens in the order of the calls, in `tasks`. `on_change`
    is called once another server has the session, or it stays after all."""

    def __init__(
        self,
        opened: Opened,
        studio: Studio,
        outlet: Outlet,
        tasks: asyncio.TaskGroup,
        log: Callable[..., None],
        on_change: Callable[[], None],
    ) -> None:
        self._opened = opened
        self._clock = studio.clock
        self._stopped = False
        self._outlet = outlet
        self._on_change = on_change
        self._tasks = tasks
        self._states = StateKeeper(
            opened.identity.session_id, studio.states, outlet.put, log, on_change, opened.lease
        )

    @property
    def lost(self) -> bool:
        """Another server has the session."""
        return self._states.lost

    def perform(self, effect: AnswerSnapshot | KeepState | HandOver) -> None:
        match effect:
            case AnswerSnapshot(number):
                self._tasks.create_task(self._states.answer(number))
            case KeepState(None):
                if self._opened.session.ended is None:
                    self.save()
            case KeepState(state):
                self.keep(state)
            case HandOver():
                self.hand_over()

    def keep(self, state: State | None) -> None:
        """The session as it is once all effects of now are performed; snapshots show `state`."""
        if state is not None and not self._stopped:
            self._tasks.create_task(self._keep(state))

    def stop(self) -> None:
        """Keep no more states: nobody sees what leads to them."""
        self._stopped = True

    def save(self) -> None:
        """The session as it is at this moment, so that another connection can go on with it."""
        if not self._stopped:
            self._tasks.create_task(self._states.save(self._record()))

    def hand_over(self) -> None:
        """The same, and let go of it; then the outlet is closed. It stays if it cannot be saved."""
        if not self._stopped:
            self._stopped = True
            self._tasks.create_task(self._hand_over(self._record()))

    def segment_begins(self, index: int) -> None:
        """Nothing was saved before the first one; later ones begin where one has ended."""
        if index == 0:
            self.save()

    def end(self, end: End, close: Callable[[End], None]) -> None:
        """Show the last state before, where the end wants it. After a client's own end nobody goes
        on with the session."""
        if end.tells_state:
            self._tasks.create_task(self._close_after_state(end, close))
        else:
            close(end)
        if end.reason == "stop_requested":
            self._tasks.create_task(self._states.save_end(self._record()))

    async def release(self) -> None:
        await self._states.release()

    async def _hand_over(self, record: SessionRecord) -> None:
        await self._states.save(record)
        if self._states.is_late:
            self._stopped = False
            self._opened.session.stay(self._clock.now())
            self._on_change()
            return
        await self._states.release()
        self._outlet.close(_HANDED_OVER)

    async def _close_after_state(self, end: End, close: Callable[[End], None]) -> None:
        await self._states.tell()
        close(end)

    async def _keep(self, state: State) -> None:
        await self._states.keep(state, self._record())

    def _record(self) -> SessionRecord:
        record = self._opened.session.record(self._clock.now())
        return self._opened.identity.signed(record, self._opened.info.model_id)
