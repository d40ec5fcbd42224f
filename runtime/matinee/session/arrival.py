"""A viewer on the way to a slot: the place in the queue, the model that may still load, and what
the viewer may hold meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from matinee.errors import WorkerFailed
from matinee.generation import ModelInfo
from matinee.serving.admission import Admission, NotAdmitting, Place, QueueFull, Visit
from matinee.serving.byte_budget import ByteBudget, OverBudget, Share
from matinee.session.opened import Opened
from matinee.session.opening import turned_away
from matinee.session.outlet import Outlet
from matinee.session.read_ahead import Frame, listening_until
from matinee.wire import server_messages as say
from matinee.worker.pool import WorkerPool


class Arrival:
    """What the viewer is told of its place goes into `outlet`. `unseated`: what viewers without a
    slot hold together. `timeout_s`: how long the model may still load. `most_characters`: from the
    viewer, kept meanwhile."""

    def __init__(
        self,
        pool: WorkerPool,
        admission: Admission,
        outlet: Outlet,
        unseated: ByteBudget,
        timeout_s: float,
        most_characters: int,
    ) -> None:
        self._pool = pool
        self._admission = admission
        self._outlet = outlet
        self._timeout_s = timeout_s
        self._most_characters = most_characters
        self._share = unseated.share()
        self._visit: Visit | None = None

    async def model_info(
        self, receive: Callable[[], Coroutine[Any, Any, Frame]]
    ) -> tuple[ModelInfo, list[Frame]]:
        """The model's rules; and while it is being loaded, a place in the queue, and what the
        viewer says meanwhile. Raises `Rejection`."""
        info = self._pool.info
        if info is not None:
            return info, []
        self.enter()
        return await listening_until(self._loaded_model(), receive, self._most_characters)

    def enter(self) -> Visit:
        """The slot or the place in the queue, taken now or before. Raises `Rejection`."""
        if self._visit is None:
            try:
                self._visit = self._admission.enter(self._tell_place)
            except QueueFull:
                message = "all slots are taken and the queue is full"
                raise turned_away("session_rejected", message) from None
            except NotAdmitting as error:
                raise turned_away("gpu_unavailable", str(error)) from None
        return self._visit

    def take_over(self, visit: Visit) -> None:
        """The slot of an earlier connection of this viewer, if it has one: nobody who waits is kept
        from a slot by it."""
        heir = visit.pass_on(self._tell_place)
        if heir is not None:
            if self._visit is not None:
                self._visit.leave()
            self._visit = heir

    def hold(self, nbytes: int) -> None:
        """So much memory in all for what the viewer sent. Raises `Rejection`."""
        try:
            self._share.hold(nbytes)
        except OverBudget:
            message = "too much that viewers sent waits already; try again, or send less"
            raise turned_away("session_rejected", message) from None

    async def opened(
        self,
        opening: Coroutine[Any, Any, Opened],
        receive: Callable[[], Coroutine[Any, Any, Frame]],
    ) -> tuple[Opened, list[Frame]]:
        """What becomes of a session whose baggage takes a while, and what the viewer says
        meanwhile. Raises `Rejection`."""
        opened, said = await listening_until(opening, receive, self._most_characters)
        state = opened.session.state
        self._hold_until_slot(0 if state is None else state.nbytes)
        return opened, said

    def leave(self) -> None:
        """Give back what is held."""
        self._share.hold(0)
        if self._visit is not None:
            self._visit.leave()
            self._visit = None  # it knows us, and memory is free at once without circles

    def _hold_until_slot(self, nbytes: int) -> None:
        """Those who have a slot may have a state as well. Raises `Rejection`."""
        slot = self.enter().slot_given
        self.hold(0 if slot.done() else nbytes)
        slot.add_done_callback(partial(_let_go, self._share))

    def _tell_place(self, place: Place) -> None:
        self._outlet.put(say.QueueStatus(place.position, place.depth, place.eta_s))

    async def _loaded_model(self) -> ModelInfo:
        """Raises `Rejection`."""
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._pool.ready()
        except TimeoutError:
            raise turned_away("gpu_unavailable", "the model is still being loaded") from None
        except WorkerFailed:
            message = "no worker is able to run the model"
            raise turned_away("gpu_unavailable", message) from None


async def no_slot_because(visit: Visit, timeout_s: float) -> str | None:
    """Wait for a slot. None: it is there; else why there is none, for people."""
    try:
        async with asyncio.timeout(timeout_s):
            await visit.slot()
    except NotAdmitting as error:
        return str(error)
    except TimeoutError:
        return "no slot became free in time"
    return None


def _let_go(share: Share, _slot: object) -> None:
    share.hold(0)
