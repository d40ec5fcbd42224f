"""A stream server that says what a test wants, with real video. For clients' tests only."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import numpy as np
from websockets.asyncio.server import ServerConnection, serve

from matinee.media.media_stream import MediaStream

Script = Callable[["ScriptedSession"], Awaitable[None]]


class ScriptedSession:
    """The server's side of one connection. A script calls these in the order of the protocol."""

    def __init__(self, socket: ServerConnection) -> None:
        self._socket = socket
        self._segments = 0
        self.video = MediaStream(64, 64, 8)
        self.sent: list[bytes] = []
        """Init segments and fragments, in order."""

    async def hear(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(await self._socket.recv())
        return message

    async def say(self, message_type: str, **fields: object) -> None:
        await self._socket.send(json.dumps({"type": message_type, **fields}))

    async def say_text(self, text: str) -> None:
        """Whatever it is."""
        await self._socket.send(text)

    async def close(self, code: int, reason: str = "") -> None:
        await self._socket.close(code, reason)

    def vanish(self) -> None:
        """Break the connection without a close frame."""
        self._socket.transport.abort()

    async def open(self) -> dict[str, Any]:
        """Take the first message and start the stream."""
        init = await self.hear()
        await self.say("queue_status", position=0, queue_depth=0)
        await self.say("gpu_assigned", gpu_id=0, session_timeout=300, model_id="m", session_id="s")
        await self.say("ltx2_stream_start", width=64, height=64, fps=8, num_frames=17)
        return init

    async def begin_segment(self, **told: object) -> dict[str, Any]:
        """Hear a prompt and send the segment's first picture. `told`: with the start."""
        asked = await self.hear()
        index, seed = self._segments, 40 + self._segments
        await self.say(
            "ltx2_segment_start",
            segment_idx=index,
            prompt=asked["prompt"],
            total_steps=2,
            seed=seed,
            **told,
        )
        await self.say("step_complete", segment_idx=index, step=1, total_steps=2)
        await self.say("media_init", segment_idx=index, mime=self.video.mime, mode="av_fmp4")
        self.video.start_segment()
        await self._send_bytes(self.video.init)
        await self._push()
        return asked

    async def end_segment(self, frames: int = 8) -> None:
        """Send the pictures after the first one and say that it is done."""
        for _ in range(frames - 1):
            await self._push()
        if rest := self.video.flush():
            await self._send_bytes(rest.data)
        index = self._segments
        await self.say(
            "media_segment_complete",
            segment_idx=index,
            duration_ms=frames * 125.0,
            frames=frames,
            bytes=sum(map(len, self.sent)),
        )
        await self.say(
            "ltx2_segment_complete", segment_idx=index, generation_time_ms=90, e2e_latency_ms=100
        )
        self._segments += 1

    async def _push(self) -> None:
        picture = np.full((96, 64), 100 + self.video.next_frame, dtype=np.uint8)
        if fragment := self.video.push(picture):
            await self._send_bytes(fragment.data)

    async def _send_bytes(self, data: bytes) -> None:
        self.sent.append(data)
        await self._socket.send(data)


@contextlib.asynccontextmanager
async def scripted_server(script: Script) -> AsyncIterator[str]:
    """Run `script` for each connection; gives the server's http address."""

    async def play(socket: ServerConnection) -> None:
        await script(ScriptedSession(socket))
        await socket.wait_closed()

    async with serve(play, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        yield f"http://127.0.0.1:{port}"
