"""What a viewer runs in its pod: one session, over as many connections as it takes.

    python3 -c THIS URL FIELDS RETURNS

`FIELDS`: of `session_init_v2`, as JSON. `RETURNS`: `yes` for one who comes back with the token. On
stdin, a line each: `{"prompt": TEXT}` asks for a segment; `{"vanish": true}` leaves without a word,
as a machine does that loses its network; the end of stdin ends the session. It prints every message
that comes, each with `video`, the digest of all the fragments so far.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import socket
import sys
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from matinee.client.stream_client import stream_url
from matinee.router.journal import frames_after

NORMAL = 1000
FOR_GOOD = (NORMAL, 1003, 1008)
OPEN_S, AGAIN_S = 3.0, 0.1
KEEP_ALIVE = {
    "TCP_KEEPIDLE": 1, "TCP_KEEPINTVL": 1, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 4000,
}  # fmt: skip
"""A router whose machine is gone says nothing any more, nor that a prompt has come."""


class Watching:
    """`frames`: of the timeline, of which all fragments came."""

    def __init__(self, url: str, opening: dict[str, Any], *, returns: bool) -> None:
        self.url = stream_url(url)
        self.opening = opening
        self.returns = returns
        self.video = hashlib.sha256()
        self.frames = 0
        self.asked: list[str] = []
        self.sent = 0
        self.ends = False
        self.connection: ClientConnection | None = None
        """Once the session is there."""
        self.init_comes = False
        self.close: dict[str, Any] = {"code": None, "reason": None}

    async def watch(self) -> None:
        is_over = False
        while not is_over:
            is_over = await self.watched()

    async def watched(self) -> bool:
        """One connection, to its end; whether it was the last one."""
        self.init_comes = False
        try:
            async with connect(
                self.url, compression=None, max_size=None, ping_interval=None,
                open_timeout=OPEN_S, close_timeout=OPEN_S,
            ) as connection:  # fmt: skip
                notice_death(connection)
                await self.listen(connection)
        except (OSError, WebSocketException) as error:  # not opened
            self.close = {"code": None, "reason": str(error)}
            await asyncio.sleep(AGAIN_S)
            return not self.returns
        self.close = {"code": connection.close_code, "reason": connection.close_reason}
        return not self.returns or connection.close_code in FOR_GOOD

    async def listen(self, connection: ClientConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            await connection.send(json.dumps({"type": "session_init_v2", **self.opening}))
            while True:
                await self.take(connection, await connection.recv())
        self.connection = None
        if "resume" in self.opening:
            self.opening["resume"]["frames"] = self.frames

    async def take(self, connection: ClientConnection, item: str | bytes) -> None:
        if isinstance(item, bytes):
            if not self.init_comes:
                self.video.update(item)
                self.frames = max(self.frames, frames_after(item) or 0)
            self.init_comes = False
            return
        message = json.loads(item)
        self.tell(message)
        self.init_comes = message["type"] == "media_init"
        if message["type"] == "gpu_assigned":
            await self.go_on(connection, message)

    async def go_on(self, connection: ClientConnection, assigned: dict[str, Any]) -> None:
        """Ask for what the server has not heard."""
        resumed = assigned.get("resumed")
        self.sent = resumed["segment_idx"] + len(resumed["requests"]) if resumed else 0
        resume = {"session_id": assigned["session_id"], "token": assigned["resume_token"]}
        self.opening, self.connection = {"resume": resume}, connection
        await self.ask()

    async def ask(self) -> None:
        while self.connection is not None and self.sent < len(self.asked):
            number, self.sent = self.sent, self.sent + 1
            prompt = self.asked[number]
            await self.say("segment_prompt_source", prompt=prompt, request_id=str(number))
        if self.ends:
            await self.say("session_end")

    async def say(self, kind: str, **fields: str) -> None:
        """What is lost is said again on the next connection."""
        try:
            if self.connection is not None:
                await self.connection.send(json.dumps({"type": kind, **fields}))
        except ConnectionClosed:
            self.connection = None

    async def obey(self, commands: asyncio.StreamReader) -> None:
        async for line in commands:
            command = json.loads(line)
            if "prompt" in command:
                self.asked.append(command["prompt"])
                await self.ask()
            elif self.connection is not None:
                self.connection.transport.abort()
        self.ends = True
        await self.ask()

    def tell(self, message: dict[str, Any]) -> None:
        print(json.dumps({**message, "video": self.video.hexdigest()}), flush=True)  # noqa: T201


def notice_death(connection: ClientConnection) -> None:
    plain = connection.transport.get_extra_info("socket")
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in KEEP_ALIVE.items():
        plain.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


async def main(url: str, fields: str, returns: str) -> None:
    watching = Watching(url, json.loads(fields), returns=returns == "yes")
    commands = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(commands), sys.stdin
    )
    obeying = asyncio.create_task(watching.obey(commands))
    await watching.watch()
    obeying.cancel()
    watching.tell({"type": "closed", **watching.close})


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
