from __future__ import annotations

import asyncio
import struct
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest
import websockets
from websockets.exceptions import ConnectionClosed

from matinee.serving import door, lingering, message_memory
from matinee.serving.websocket_protocol import keeper
from tests.system.serving.doors import MESSAGE_BYTES, House, open_house
from tools.hostile.wire import CLOSE, CONTINUATION, HANDSHAKE, PING, PONG, TEXT, WireClient, frame

CODE_TOO_MANY = 1008


@pytest.fixture(autouse=True)
def _last_words_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client on a busy machine reads them later than after a second."""
    monkeypatch.setattr(lingering, "LINGER_S", 30.0)


async def code_of(house: House, frames: list[bytes]) -> int:
    """The close code of a client that sends these."""
    client = await WireClient.connect(house.port)
    try:
        async with asyncio.timeout(60):
            return await client.play(frames, vanish=False)
    finally:
        client.abort()


FLOODS = {
    "empty pings": [frame(PING, b"")],
    "long pings": [frame(PING, b"x" * 125)],
    "pongs that nobody asked for": [frame(PONG, b"")],
    "empty parts of a message": [frame(CONTINUATION, b"", fin=False)],
    "short parts of a message": [frame(CONTINUATION, b" ", fin=False)],
    "short messages": [frame(TEXT, b"{}")],
    "binary messages": [frame(2, b"")],
}


@pytest.mark.parametrize("what", FLOODS)
async def test_a_flood_of_frames_ends_with_1008(what: str) -> None:
    flood = FLOODS[what] * 20_000
    begin = [frame(TEXT, b"{", fin=False)] if "part" in what else []
    async with open_house(frames_per_second=100) as house:
        assert await code_of(house, [*begin, b"".join(flood)]) == CODE_TOO_MANY
        ((code, reason),) = house.gone
    assert code == CODE_TOO_MANY
    assert "100 a second" in reason
    assert len(house.heard) <= 600


async def test_who_is_answered_by_the_end_of_the_server_is_not_answered_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with open_house() as house:
        house.deciding.clear()
        reader, writer = await house.connect()
        writer.write(HANDSHAKE.replace(b"/v1/stream", b"/refused"))
        await house.until(lambda: len(house.sockets) == 1 and house.sockets[0].handshake_initiated)
        (protocol,) = house.sockets
        house.deciding.set()
        protocol.shutdown()
        answer = await reader.read()
        writer.close()
        await house.until(lambda: not protocol.tasks)
    assert answer.count(b"HTTP/1.1 500 ") == answer.count(b"HTTP/1.1 ") == 1
    assert caplog.messages == []


async def test_as_many_frames_as_are_allowed_are_taken() -> None:
    async with open_house(frames_per_second=100) as house:
        frames = [frame(TEXT, b"{}") * 190, frame(CLOSE, struct.pack("!H", 1000))]
        assert await code_of(house, frames) == 1000
    assert len(house.heard) == 190


async def test_the_long_parts_of_a_long_message_are_no_flood() -> None:
    async with open_house(frames_per_second=10) as house:
        parts = [frame(CONTINUATION, b"a" * 1024, fin=False)] * 900
        message = [frame(TEXT, b"a", fin=False), *parts, frame(CONTINUATION, b"")]
        frames = [*message, frame(CLOSE, struct.pack("!H", 1000))]
        assert await code_of(house, frames) == 1000
    assert [len(text) for text in house.heard] == [900 * 1024 + 1]


async def test_a_message_that_is_too_long_ends_with_1009_before_it_is_kept() -> None:
    async with open_house() as house:
        parts = [frame(CONTINUATION, b"a" * 2**16, fin=False)] * 64
        assert await code_of(house, [frame(TEXT, b"a", fin=False), *parts]) == 1009
        assert house.door.memory.held_bytes <= MESSAGE_BYTES


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        ([frame(TEXT, b"\xff\xfe")], 1007),
        ([frame(3, b"")], 1002),
        ([frame(TEXT, b"", reserved=4)], 1002),
        ([b"\x81\x00"], 1002),
        ([frame(CONTINUATION, b"")], 1002),
        ([frame(PING, b"a" * 126)], 1002),
        ([frame(CLOSE, b"\x00")], 1002),
    ],
)
async def test_what_is_no_websocket_is_told_though_more_of_it_comes(
    frames: list[bytes], code: int
) -> None:
    async with open_house() as house:
        assert await code_of(house, [*frames, frame(PING, b"") * 200_000]) == code


async def test_a_message_that_was_read_is_kept_nowhere() -> None:
    """Not as the last frame of the parser, which waits for the next one."""
    async with open_house() as house:
        client = await WireClient.connect(house.port)
        tracemalloc.start()
        client._writer.write(frame(TEXT, b"a" * 900_000))
        await house.until(lambda: len(house.heard) == 1)
        house.heard.clear()
        held, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        client.abort()
    assert most > 900_000
    assert held < 100_000


async def test_what_a_message_brought_counts_until_the_application_is_done_with_it() -> None:
    async with open_house() as house:
        client = await WireClient.connect(house.port)
        await house.until(lambda: len(house.sockets) == 1)
        memory, keep = house.door.memory, keeper(house.sockets[0].scope)
        house.listening.clear()
        client._writer.write(frame(TEXT, b"a" * 900_000))
        await house.until(lambda: len(house.heard) == 1)
        assert memory.held_bytes >= 900_000
        keep(500_000)
        house.listening.set()
        client._writer.write(frame(TEXT, b"b"))
        await house.until(lambda: len(house.heard) == 2)
        assert memory.held_bytes == 500_000
        keep(0)
        assert memory.held_bytes == 0
        client.abort()


def _holds(house: House, nbytes: int) -> bool:
    return house.door.memory.held_bytes >= nbytes


async def test_slow_senders_of_long_messages_give_way_to_those_who_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(message_memory, "PATIENCE_S", 0.1)
    monkeypatch.setattr(message_memory, "LEAST_BYTES_PER_S", 1e9)
    async with open_house(long_messages_bytes=2**20) as house:
        begun = [frame(TEXT, b"a", fin=False), frame(CONTINUATION, b"a" * 700_000, fin=False)]
        slow = [await WireClient.connect(house.port) for _ in range(2)]
        for number, client in enumerate(slow):
            client._writer.write(b"".join(begun))
            await house.until(partial(_holds, house, (number + 1) * 700_000))
        client = await WireClient.connect(house.port)
        client._writer.write(frame(TEXT, b"b" * 700_000))
        await house.until(lambda: len(house.heard) == 1 and len(house.gone) == 2)
        for one in (client, *slow):
            one.abort()
    assert house.heard[0][0] == "b"
    assert (
        house.gone[:2]
        == [(CODE_TOO_MANY, "a long message came too slowly while others waited")] * 2
    )


async def test_messages_are_read_no_faster_than_they_are_taken() -> None:
    async with open_house() as house:
        house.listening.clear()
        client = await WireClient.connect(house.port)
        playing = asyncio.create_task(client.play([frame(TEXT, b"{}" * 500)] * 400, vanish=True))
        await asyncio.wait([playing], timeout=0.3)
        assert house.heard == []
        house.listening.set()
        await house.until(lambda: len(house.heard) >= 400)
        await playing
        client.abort()


async def test_only_the_newest_pong_waits_for_a_client_that_does_not_read() -> None:
    async with open_house(frames_per_second=100_000) as house:
        client = await WireClient.connect(house.port)
        (protocol,) = house.sockets
        protocol.pause_writing()
        for number in range(1000):
            client._writer.write(frame(PING, b"%04d" % number + b"x" * 100))
        client._writer.write(frame(TEXT, b"now"))
        await house.until(lambda: house.heard == ["now"])
        protocol.resume_writing()
        assert (await client._next())[1].startswith(b"0999")
        client.abort()


@asynccontextmanager
async def pinged(monkeypatch: pytest.MonkeyPatch, unresponsive_s: float) -> AsyncIterator[House]:
    monkeypatch.setattr(door, "PING_INTERVAL_S", 0.05)
    async with open_house(unresponsive_seconds=unresponsive_s) as house:
        yield house


async def test_a_client_that_answers_no_ping_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    async with pinged(monkeypatch, 0.25) as house:
        assert await code_of(house, [frame(TEXT, b"{}")]) == 1011
        assert house.gone == [(1011, "client unresponsive for 0.25 s")]


async def test_a_client_that_waits_for_us_is_not_called_unresponsive(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its pong lies behind messages that we do not take."""
    async with pinged(monkeypatch, 0.5) as house:
        house.listening.clear()
        url = f"ws://127.0.0.1:{house.port}/v1/stream"
        async with websockets.connect(url) as client:
            for _ in range(3):
                await client.send("{}")
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1):
                    await client.recv()
            house.listening.set()
            await house.until(lambda: len(house.heard) == 3)
    assert house.gone == [(1000, "")]


async def test_long_messages_of_many_wait_for_each_other() -> None:
    async with open_house(long_messages_bytes=2**20) as house:
        text = "a" * 900_000
        url = f"ws://127.0.0.1:{house.port}/v1/stream"

        async def send() -> None:
            async with websockets.connect(url) as client:
                await client.send(text)

        most = 0
        sending = [asyncio.create_task(send()) for _ in range(8)]
        while not all(task.done() for task in sending):
            most = max(most, house.door.memory.held_bytes)
            await asyncio.sleep(0)
        await house.until(lambda: len(house.heard) == 8)
    assert 0 < most <= 2 * 2**20
    assert house.door.memory.held_bytes == 0
    assert house.heard == [text] * 8


async def test_what_is_sent_right_after_the_handshake_is_no_mistake_of_ours(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with open_house() as house:
        for sent in (frame(TEXT, b"a"), b"\xff" * 5000, frame(3, b"") * 10):
            for apart in (False, True):
                reader, writer = await house.connect()
                writer.write(HANDSHAKE)
                if apart:
                    await asyncio.sleep(0)
                writer.write(sent)
                writer.write_eof()
                async with asyncio.timeout(60):
                    await reader.read()
                writer.close()
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


async def test_a_handshake_with_a_line_that_is_too_long_is_answered() -> None:
    async with open_house() as house:
        head = HANDSHAKE[:-2] + b"X: " + b"a" * 20_000 + b"\r\n\r\n"
        async with asyncio.timeout(60):
            assert b" 431 " in await house.ask(head)


async def test_a_clients_own_close_is_answered(caplog: pytest.LogCaptureFixture) -> None:
    async with open_house() as house:
        url = f"ws://127.0.0.1:{house.port}/v1/stream"
        async with websockets.connect(url) as client:
            await client.send("{}")
            await client.close(4000, "mine")
            with pytest.raises(ConnectionClosed):
                await client.recv()
        assert client.close_code == 4000
    assert house.gone == [(4000, "mine")]
