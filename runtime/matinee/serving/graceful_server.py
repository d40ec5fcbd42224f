"""uvicorn, with an end in which every session is told: it would close the sockets itself at the
first signal.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from types import FrameType

import uvicorn

from matinee_api.signals import heeded

logger = logging.getLogger(__name__)

CUT_OFF_S = 0.25
"""After the sessions were told: uvicorn closes what is open, and who reads nothing stays."""


class GracefulServer(uvicorn.Server):
    """`shut_down`: tells the sessions, and returns when they have ended or were given their time.
    `told_to_stop`: the signal."""

    def __init__(self, config: uvicorn.Config, shut_down: Callable[[], Awaitable[None]]) -> None:
        super().__init__(config)
        self.told_to_stop: signal.Signals | None = None
        self._shut_down = shut_down
        self._loop = asyncio.get_running_loop()
        self.stopping: asyncio.Task[None] | None = None

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        await asyncio.sleep(0)  # a signal that came before ends it here: nothing has begun
        await super().serve(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """uvicorn's own captures two signals, also where they are ignored."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in heeded()}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Called by the signal handler. A second signal ends the waiting for sessions: uvicorn
        closes what is open."""
        if self.told_to_stop:
            self.should_exit = True
        else:
            self.told_to_stop = signal.Signals(sig)
            logger.info("%s: ending the sessions", self.told_to_stop.name)
            self._loop.call_soon_threadsafe(self._begin_stop)

    def _begin_stop(self) -> None:
        self.stopping = asyncio.create_task(self.stop(), name="the shutdown")

    async def stop(self) -> None:
        """Tell the sessions, then let `serve` return, whatever clients do."""
        try:
            await self._shut_down()
        finally:
            self.should_exit = True
            self._loop.call_later(CUT_OFF_S, self._cut_off)

    def _cut_off(self) -> None:
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        for task in list(self.server_state.tasks):
            task.cancel()
