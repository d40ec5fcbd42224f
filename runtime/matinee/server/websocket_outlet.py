"""A session's outlet that is a WebSocket: pumps frames, and every end reaches the client.

Two things end it: `close` (the session is over: tell, then close) and `vanish` (the viewer is
gone: stop). `over` is set by both.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from starlette.websockets import WebSocket, WebSocketDisconnect

from matinee.media.media_stream import Fragment
from matinee.server.long_messages import send_frame
from matinee.session.effects import CloseCode, End
from matinee.session.outlet import Stamped
from matinee.session.send_queue import SendQueue
from matinee.wire import server_messages as say


@dataclass(frozen=True, slots=True)
class SendLimits:
    """`video_bytes`, `messages`: that may wait for a viewer. `closing_s`: how long a viewer may
    take to read what waits after its session's end."""

    video_bytes: int
    messages: int = 4096
    closing_s: float = 5.0


class WebSocketOutlet:
    """`send_all` sends what is put, until the end; `hang_up` ends what a viewer does not read."""

    def __init__(
        self, socket: WebSocket, limits: SendLimits, request_keyframe: Callable[[], None]
    ) -> None:
        self.over = asyncio.Event()
        self.ending: End | None = None
        self._socket = socket
        self._limits = limits
        self._queue = SendQueue(
            limits.video_bytes, request_keyframe, self._give_up, limits.messages
        )

    @property
    def skipped_ms(self) -> float:
        """Video that the viewer missed."""
        return self._queue.skipped_ms_total

    # For the session

    def put(self, message: say.ServerMessage | Stamped | bytes) -> None:
        self._queue.put(message)

    def put_video(self, fragment: Fragment) -> bool:
        return self._queue.put_video(fragment)

    def close(self, end: End) -> None:
        if self.over.is_set():
            return
        self.ending = end
        self._queue.close(*_last_words(end))
        self.over.set()

    # For the connection

    def vanish(self) -> None:
        self._queue.close()
        self.over.set()

    def forget(self) -> None:
        """After the end: what it held is free without waiting for the garbage collector."""
        self.over.set()
        self._queue.forget()

    async def send_all(self) -> None:
        """Returns once the socket is closed or the viewer is gone."""
        try:
            while (frame := await self._queue.get()) is not None:
                await self._send(frame)
            if self.ending:
                await self._close(self.ending)
        except WebSocketDisconnect:
            self.vanish()

    async def finish(self, sender: asyncio.Task[None]) -> bool:
        """After the end: True when `sender`, which runs `send_all`, has got through in time. Else
        it is stopped within a frame, and only `hang_up` can follow."""
        await asyncio.wait([sender], timeout=self._limits.closing_s)
        if sender.done():
            return True
        sender.cancel()
        await asyncio.wait([sender])
        return False

    async def hang_up(self, *last: say.ServerMessage) -> None:
        """The last messages past the queue: to a viewer that is too slow, or after our mistake."""
        ending = self.ending
        if ending is None:
            return
        try:
            async with asyncio.timeout(self._limits.closing_s):
                for message in (*last, *_last_words(ending)):
                    await self._send(message.frame())
                await self._close(ending)
        except (TimeoutError, WebSocketDisconnect):
            return  # it is closed already or nobody reads

    async def apologise(self) -> None:
        """After a mistake of ours."""
        self.ending = End("error", CloseCode.INTERNAL, "internal_error")
        await self.hang_up(
            say.Error("internal_error", "the server made a mistake; the session has ended")
        )

    def _give_up(self) -> None:
        """The viewer has read nothing for minutes."""
        self.ending = self.ending or End("error", CloseCode.POLICY, "viewer_does_not_read")
        self.over.set()

    async def _send(self, frame: say.TextFrame | bytes) -> None:
        """Raises `WebSocketDisconnect`."""
        try:
            await send_frame(self._socket, frame)
        except RuntimeError as error:  # uvicorn has closed it: an oversized frame, no pong
            raise WebSocketDisconnect(1006) from error

    async def _close(self, ending: End) -> None:
        """Raises `WebSocketDisconnect`."""
        try:
            await self._socket.close(ending.code, ending.text)
        except RuntimeError as error:
            raise WebSocketDisconnect(1006) from error


def _last_words(end: End) -> list[say.StreamComplete]:
    return [] if end.silent else [say.StreamComplete(reason=end.reason)]
