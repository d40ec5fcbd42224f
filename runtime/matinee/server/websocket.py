"""One viewer's WebSocket from accept to close: it moves bytes and sees that every end is told.

One task reads and one sends; the session's own tasks (`live_session.py`) are in the same group.
Whatever happens ends in `_end` (the session is over: tell, then close) or in `_vanish` (the viewer
is gone: stop).
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
import uuid

from starlette.websockets import WebSocket, WebSocketDisconnect

from matinee.errors import BadInput
from matinee.generation import ModelInfo
from matinee.server.long_messages import send_frame
from matinee.session.arrival import Arrival
from matinee.session.effects import CloseCode, End
from matinee.session.opening import Rejection, brought_state, parse_init, refused
from matinee.session.requests import RequestRules
from matinee.session.runner import Identity, LiveSession, Opened
from matinee.session.send_queue import SendQueue
from matinee.session.services import Services, server_defaults
from matinee.session.session import Session
from matinee.session.video import open_video
from matinee.wire import server_messages as say
from matinee.wire.client_messages import SessionInit

logger = logging.getLogger(__name__)

CLOSING_S = 5.0
"""How long a viewer may take to read what waits after its session's end."""


class Connection:
    """`run` returns when the socket is closed and the GPU no longer works for it."""

    def __init__(self, socket: WebSocket, services: Services) -> None:
        self._identity = Identity(uuid.uuid4().hex, secrets.token_urlsafe(24))
        self._socket = socket
        self._services = services
        self._live: LiveSession | None = None
        self._closing: End | None = None
        self._over = asyncio.Event()
        self._told = asyncio.Event()
        self._closed = asyncio.Event()
        self._tasks = asyncio.TaskGroup()
        self._queue = SendQueue(
            services.config.streaming.limits.send_queue_bytes,
            self._request_keyframe,
            self._give_up,
        )
        self._arrival = Arrival(services, self._queue)

    async def run(self) -> None:
        """Serve the viewer. A mistake of ours is logged and told as `internal_error`."""
        self._services.connections.add(self)
        started = time.monotonic()
        try:
            async with self._tasks:
                await self._serve()
        except* WebSocketDisconnect:
            self._vanish()
        except* Exception:
            logger.exception("session %s failed", self._identity.session_id)
            await self._apologise()
        finally:
            self._arrival.leave()
            self._services.connections.discard(self)
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
        if self._live:
            self._live.drain(deadline_s)

    def shut_down(
        self, reason: say.EndReason, code: CloseCode, text: str, *, tells_state: bool
    ) -> None:
        """End from outside. `tells_state`: the viewer is given the session's state before."""
        if self._live:
            self._live.shut_down(reason, code, text, tells_state=tells_state)
        else:
            self._end(End(reason, code, text))

    async def _serve(self) -> None:
        await self._accept()
        sender = self._tasks.create_task(self._send_all())
        reader = self._tasks.create_task(self._receive_all())
        await self._over.wait()
        if self._live:
            self._live.socket_gone()
        await asyncio.wait([sender], timeout=CLOSING_S)
        self._told.set()
        reader.cancel()
        if not sender.done():
            sender.cancel()
            await asyncio.wait([sender])
            await self._hang_up()

    async def _accept(self) -> None:
        """Raises `WebSocketDisconnect`."""
        try:
            await self._socket.accept()
        except OSError as error:
            raise WebSocketDisconnect(1006) from error

    # Reading

    async def _receive_all(self) -> None:
        try:
            init = parse_init(await self._first_message(), self._services.config.streaming.presets)
            info, early = await self._arrival.model_info(self._receive)
            self._live = await self._open(init, info)
            for frame in early:
                self._live.heard(frame)
            while True:
                self._live.heard(await self._receive())
                await asyncio.sleep(0)  # many frames may have come at once: let others run
        except WebSocketDisconnect:
            self._vanish()
        except Rejection as rejection:
            self._queue.put(rejection.error)
            self._end(End("error", rejection.code, rejection.text))
        except TimeoutError:
            timeout_s = self._services.config.streaming.session_timeout_seconds
            self._queue.put(say.SessionTimeout(timeout_seconds=round(timeout_s)))
            self._end(End("timeout", CloseCode.NORMAL, "session_timeout"))

    async def _first_message(self) -> str | None:
        async with asyncio.timeout(self._services.config.streaming.session_timeout_seconds):
            return await self._receive()

    async def _receive(self) -> str | None:
        """A text frame, or None for a binary one."""
        message = await self._socket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1006), message.get("reason"))
        text: str | None = message.get("text")
        return text

    # Opening

    async def _open(self, init: SessionInit, info: ModelInfo) -> LiveSession:
        """Raises `Rejection`."""
        config = self._services.config.streaming
        defaults = self._services.config.default_request
        seed = init.seed if init.seed is not None else defaults.sampling.seed
        try:
            rules = RequestRules(
                info,
                config.limits,
                server_defaults(info, defaults),
                init,
                secrets.randbits(32) if seed is None else seed,
            )
            state = await asyncio.to_thread(
                brought_state, init, info, rules.defaults, config.limits
            )
            session = Session(config, rules, init, state, time.monotonic())
        except BadInput as error:
            raise refused(error.param, str(error)) from None
        mode = init.stream_mode or config.stream_mode
        video = await asyncio.get_running_loop().run_in_executor(
            self._services.encoders, open_video, mode, rules.defaults, config
        )
        opened = Opened(session, rules, info, video, mode, state)
        self._log("opened", client_id=init.client_id, preset=init.preset, mode=mode)
        visit = self._arrival.enter()
        live = LiveSession(
            self._identity, opened, self._services, visit, self._queue, self._tasks, self._end
        )
        if not self._over.is_set():  # the server may have ended it meanwhile
            self._tasks.create_task(live.hold_slot())
        return live

    def _request_keyframe(self) -> None:
        if self._live:
            self._live.request_keyframe()

    # Ending

    def _end(self, closing: End) -> None:
        """Tell the reason, then close; what waits is sent before."""
        if self._over.is_set():
            return
        self._closing = closing
        self._queue.close(say.StreamComplete(reason=closing.reason))
        self._over.set()

    def _give_up(self) -> None:
        """The viewer has read nothing for minutes."""
        self._closing = self._closing or End("error", CloseCode.POLICY, "viewer_does_not_read")
        self._over.set()

    def _vanish(self) -> None:
        self._queue.close()
        self._over.set()

    async def _send_all(self) -> None:
        try:
            while (frame := await self._queue.get()) is not None:
                await self._send(frame)
            if self._closing:
                await self._close(self._closing)
        except WebSocketDisconnect:
            self._vanish()

    async def _send(self, frame: say.TextFrame | bytes) -> None:
        """Raises `WebSocketDisconnect`."""
        try:
            await send_frame(self._socket, frame)
        except RuntimeError as error:  # uvicorn has closed it: an oversized frame, no pong
            raise WebSocketDisconnect(1006) from error

    async def _close(self, closing: End) -> None:
        """Raises `WebSocketDisconnect`."""
        try:
            await self._socket.close(closing.code, closing.text)
        except RuntimeError as error:
            raise WebSocketDisconnect(1006) from error

    async def _hang_up(self, *words: say.ServerMessage) -> None:
        """The last words past the queue: to a viewer that is too slow, or after our mistake."""
        closing = self._closing
        if closing is None:
            return
        try:
            async with asyncio.timeout(CLOSING_S):
                for message in (*words, say.StreamComplete(reason=closing.reason)):
                    await self._send(message.frame())
                await self._close(closing)
        except (TimeoutError, WebSocketDisconnect):
            return  # it is closed already or nobody reads

    async def _apologise(self) -> None:
        self._closing = End("error", CloseCode.INTERNAL, "internal_error")
        await self._hang_up(
            say.Error("internal_error", "the server made a mistake; the session has ended")
        )

    def _log_end(self, duration_s: float) -> None:
        reason = self._closing.reason if self._closing else "vanished"
        self._services.metrics.sessions_ended.labels(reason).inc()
        self._log(
            "ended",
            reason=reason,
            seconds=round(duration_s, 3),
            skipped_ms=round(self._queue.skipped_ms_total, 1),
        )

    def _log(self, event: str, **payload: object) -> None:
        self._services.logs.write(self._identity.session_id, event, **payload)
