from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.types import Message
from starlette.websockets import WebSocket

from matinee.server.websocket_outlet import SendLimits, WebSocketOutlet
from matinee.session.effects import CloseCode, End
from matinee.wire import server_messages as say
from tests.unit.runtime.session.making import fragment_of

END = End("stop_requested", CloseCode.NORMAL, "session_end")
LATER = End("error", CloseCode.INTERNAL, "late")


class Line:
    """What a socket sends; `reads` off is a viewer who does not read."""

    def __init__(self, **limits: Any) -> None:
        self.sent: list[Message] = []
        self.reads = asyncio.Event()
        self.reads.set()
        self.gone = False
        socket = WebSocket({"type": "websocket"}, self._receive, self._send)
        self.outlet = WebSocketOutlet(socket, SendLimits(1000, **limits), lambda: None)
        self._socket = socket

    async def open(self) -> asyncio.Task[None]:
        await self._socket.accept()
        self.sent.clear()
        return asyncio.create_task(self.outlet.send_all())

    async def _receive(self) -> Message:
        return {"type": "websocket.connect"}

    async def _send(self, message: Message) -> None:
        await self.reads.wait()
        if self.gone:
            raise OSError("gone")
        self.sent.append(message)

    @property
    def kinds(self) -> list[str]:
        return [
            "close" if one["type"] == "websocket.close" else "text" if "text" in one else "bytes"
            for one in self.sent
        ]


async def test_all_that_was_put_goes_out_before_the_end() -> None:
    line = Line()
    sender = await line.open()
    line.outlet.put(say.Draining(1.0))
    line.outlet.put(b"init")
    assert line.outlet.put_video(fragment_of())
    line.outlet.close(END)
    line.outlet.put(say.Draining(2.0))
    assert await line.outlet.finish(sender)
    assert line.kinds == ["text", "bytes", "bytes", "text", "close"]
    assert line.sent[-1] == {"type": "websocket.close", "code": 1000, "reason": "session_end"}


async def test_the_first_end_counts() -> None:
    line = Line()
    sender = await line.open()
    line.outlet.close(END)
    line.outlet.close(LATER)
    await line.outlet.finish(sender)
    assert line.outlet.ending is END


async def test_a_viewer_who_does_not_read_is_hung_up_on() -> None:
    line = Line(closing_s=0.02)
    line.reads.set()
    sender = await line.open()
    line.reads.clear()
    line.outlet.put(say.Draining(1.0))
    line.outlet.close(END)
    assert not await line.outlet.finish(sender)
    assert sender.done()
    async with asyncio.timeout(20):
        await line.outlet.hang_up()
    assert line.sent == []


async def test_a_viewer_who_reads_nothing_for_so_many_messages_is_given_up() -> None:
    line = Line(messages=3)
    for _ in range(5):
        line.outlet.put(say.Draining(1.0))
    assert line.outlet.over.is_set()
    assert line.outlet.ending is not None
    assert line.outlet.ending.code is CloseCode.POLICY


@pytest.mark.parametrize("how", ["vanishes", "is gone when something is sent"])
async def test_who_is_gone_is_told_nothing(how: str) -> None:
    line = Line()
    sender = await line.open()
    if how == "vanishes":
        line.outlet.vanish()
    else:
        line.gone = True
        line.outlet.put(say.Draining(1.0))
    await asyncio.wait_for(sender, 20)
    assert line.outlet.over.is_set()
    assert line.outlet.ending is None
    await line.outlet.hang_up()
    assert line.sent == []


async def test_after_a_mistake_of_ours_the_error_and_the_end_are_told_past_what_waits() -> None:
    line = Line()
    await line._socket.accept()
    line.sent.clear()
    line.outlet.put(say.Draining(1.0))
    await line.outlet.apologise()
    assert line.kinds == ["text", "text", "close"]
    assert "internal_error" in line.sent[0]["text"]
    assert line.sent[-1]["code"] == 1011
