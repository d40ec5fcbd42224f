"""One viewer's WebSocket from accept to close: its frames are read, its session opened and run.

One task reads and one sends (`websocket_outlet.py`); the session's own tasks are in the same group.
"""

from __future__ import annotations

import asyncio
import logging
import time
import traceback

from starlette.websockets import WebSocket, WebSocketDisconnect

from matinee.generation import ModelInfo
from matinee.server.websocket_outlet import SendLimits, WebSocketOutlet
from matinee.serving.admission import Admission
from matinee.serving.guests import address_of
from matinee.serving.websocket_protocol import keeper
from matinee.session.arrival import Arrival
from matinee.session.effects import CloseCode, End
from matinee.session.opened import Identity, Opened
from matinee.session.opening import Rejection, parse_init
from matinee.session.reception import Application, application, offered, open_session
from matinee.session.resuming import Comeback, end_here, reopen
from matinee.session.runner import SessionRunner
from matinee.session.studio import Studio
from matinee.wire import server_messages as say
from matinee.wire.client_messages import MOST_LATER_CHARACTERS, Resume, SessionInit
from matinee_api.config.runtime_config import ServeConfig

logger = logging.getLogger(__name__)


GOODBYES = frozenset({1000, 1001, 1005})
"""Close codes of viewers who leave: all is done, the page is closed, or nothing is said of why."""


class NoInit(Exception):
    """A viewer who connects and says nothing."""


class Connection:
    """`run` returns when the socket is closed and the GPU no longer works for it. `moves`: a router
    opened it, which goes on elsewhere with a session that is ended from outside."""

    def __init__(
        self,
        socket: WebSocket,
        config: ServeConfig,
        admission: Admission,
        studio: Studio,
        limits: SendLimits | None = None,
        *,
        moves: bool = False,
    ) -> None:
        self._moves = moves
        self._identity = Identity.new()
        self._socket = socket
        self._config = config
        self._studio = studio
        self._runner: SessionRunner | None = None
        self._said_goodbye = False
        self._told = asyncio.Event()
        self._closed = asyncio.Event()
        self._tasks = asyncio.TaskGroup()
        limits = limits or SendLimits(config.streaming.limits.send_queue_bytes)
        self._outlet = WebSocketOutlet(socket, limits, self._request_keyframe)
        self._arrival = Arrival(
            studio.pool,
            admission,
            self._outlet,
            studio.unseated,
            config.streaming.session_timeout_seconds,
            MOST_LATER_CHARACTERS,
        )

    async def run(self) -> None:
        """Serve the viewer. A mistake of ours is logged and told as `internal_error`."""
        started = time.monotonic()
        try:
            async with self._tasks:
                await self._serve()
        except* WebSocketDisconnect as gone:
            _let_go(gone)
            self._outlet.vanish()
        except* Exception as mistake:
            logger.exception("session %s failed", self._identity.session_id)
            _let_go(mistake)
            await self._outlet.apologise()
        finally:
            self._arrival.leave()
            self._outlet.forget()
            self._runner = None
            self._told.set()
            self._closed.set()
            self._log_end(time.monotonic() - started)

    async def told(self) -> None:
        """Wait until the viewer was sent all that there is to say, or is gone. The GPU may still be
        in a step for it."""
        await self._told.wait()

    async def closed(self) -> None:
        """Wait for the end of `run`."""
        await self._closed.wait()

    def drain(self, deadline_s: float) -> None:
        """Tell the viewer that the pod is going away."""
        if self._runner:
            self._runner.drain(deadline_s)

    def shut_down(
        self, reason: say.EndReason, code: CloseCode, text: str, *, tells_state: bool
    ) -> None:
        """End from outside. `tells_state`: the viewer is given the session's state before."""
        if self._runner and self._moves and self._runner.release():
            return
        if self._runner:
            self._runner.shut_down(reason, code, text, tells_state=tells_state)
        else:
            self._outlet.close(End(reason, code, text))

    async def _serve(self) -> None:
        await self._accept()
        sender = self._tasks.create_task(self._outlet.send_all())
        reader = self._tasks.create_task(self._receive_all())
        await self._outlet.over.wait()
        if self._runner:
            self._runner.gone()
        finished = await self._outlet.finish(sender)
        self._told.set()
        reader.cancel()
        if not finished:
            await self._outlet.hang_up()

    async def _accept(self) -> None:
        """Raises `WebSocketDisconnect`."""
        try:
            await self._socket.accept()
        except OSError as error:
            raise WebSocketDisconnect(1006) from error

    async def _receive_all(self) -> None:
        try:
            runner = await self._open()
            while True:
                runner.heard(await self._receive())
                await asyncio.sleep(0)  # many frames may have come at once: let others run
        except WebSocketDisconnect as gone:
            self._said_goodbye = gone.code in GOODBYES
            self._outlet.vanish()
        except Rejection as rejection:
            _let_go(rejection)
            self._outlet.put(rejection.error)
            self._outlet.close(End("error", rejection.code, rejection.text))
        except NoInit:
            self._outlet.put(say.SessionTimeout(timeout_seconds=round(self._init_timeout_s)))
            self._outlet.close(End("timeout", CloseCode.NORMAL, "session_timeout"))

    async def _open(self) -> SessionRunner:
        """Raises `Rejection` and `NoInit`."""
        streaming = self._config.streaming
        init = self._init(await self._first_message())
        info, early = await self._arrival.model_info(self._receive)
        if init.resume is not None:
            opened, later = await self._reopened(init, init.resume, info)
        else:
            now = self._studio.clock.now()
            applied = application(init, info, streaming, self._config.default_request, now)
            del init  # megabytes that are needed no more once they are decoded
            self._arrival.hold(applied.nbytes)
            self._arrival.enter()
            opened, later = await self._opened(applied)
        visit = self._arrival.enter()
        self._runner = SessionRunner(opened, self._outlet, self._studio, visit, self._tasks)
        if not self._outlet.over.is_set():  # the server may have ended it meanwhile
            self._tasks.create_task(self._runner.run())
        for frame in (*early, *later):
            self._runner.heard(frame)
        return self._runner

    async def _opened(self, applied: Application) -> tuple[Opened, list[str | None]]:
        """And what the viewer says meanwhile. Raises `Rejection`."""
        opening = open_session(self._identity, applied, self._studio)
        if applied.baggage is None:
            return await opening, []
        keep = keeper(self._socket.scope)
        keep(applied.nbytes)
        try:
            return await self._arrival.opened(opening, self._receive)
        finally:
            keep(0)

    async def _reopened(
        self, init: SessionInit, resume: Resume, info: ModelInfo
    ) -> tuple[Opened, list[str | None]]:
        """An earlier session, and what the viewer says meanwhile. Raises `Rejection`."""
        self._arrival.hold(0)
        streaming, client = self._config.streaming, self._socket.client
        here = offered(info, streaming.limits, self._config.default_request)
        comeback = Comeback(resume, init.seed, address_of(tuple(client) if client else None))

        async def come_back() -> Opened:
            await end_here(comeback, self._studio, self._arrival.take_over)
            self._arrival.enter()
            return await reopen(comeback, here, streaming, self._studio)

        opened, later = await self._arrival.opened(come_back(), self._receive)
        self._identity = opened.identity
        return opened, later

    def _init(self, text: str | None) -> SessionInit:
        """Raises `Rejection`. The text is there twice while it is read."""
        self._arrival.hold(2 * len(text or ""))
        return parse_init(text, self._config.streaming.presets)

    @property
    def _init_timeout_s(self) -> float:
        config = self._config
        patience_s = config.server.limits.first_message_seconds
        return min(patience_s, config.streaming.session_timeout_seconds)

    async def _first_message(self) -> str | None:
        """Raises `NoInit`."""
        try:
            async with asyncio.timeout(self._init_timeout_s):
                return await self._receive()
        except TimeoutError:
            raise NoInit from None

    async def _receive(self) -> str | None:
        """A text frame, or None for a binary one."""
        message = await self._socket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1006), message.get("reason"))
        text: str | None = message.get("text")
        return text

    def _request_keyframe(self) -> None:
        if self._runner:
            self._runner.request_keyframe()

    def _log_end(self, duration_s: float) -> None:
        ending = self._outlet.ending
        left = "stop_requested" if self._said_goodbye else "vanished"
        reason = ending.reason if ending else left
        self._studio.metrics.sessions_ended.labels(reason).inc()
        self._studio.logs.end(
            self._identity.session_id,
            reason=reason,
            seconds=round(duration_s, 3),
            skipped_ms=round(self._outlet.skipped_ms, 1),
        )


def _let_go(failure: BaseException | None) -> None:
    """A failure holds the frames that it came through and what it came of, and these hold the
    failure, the session, and all that the viewer sent, in a circle."""
    if failure is None:
        return
    traceback.clear_frames(failure.__traceback__)
    _let_go(failure.__cause__ or failure.__context__)
    for part in failure.exceptions if isinstance(failure, BaseExceptionGroup) else ():
        _let_go(part)
