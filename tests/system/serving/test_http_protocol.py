from __future__ import annotations

import asyncio

import pytest

from tests.system.serving.doors import House, open_house

HOST = b"Host: x\r\n"
GET = b"GET / HTTP/1.1\r\n" + HOST
POST = b"POST / HTTP/1.1\r\n" + HOST
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
LAST = b"Connection: close\r\n\r\n"
UPGRADE = (
    b"Connection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else 0


REFUSED = {
    "one header without end": (GET + b"X: " + b"a" * 2**20, 431),
    "a name of a header without end": (GET + b"a" * 2**20, 431),
    "many headers": (GET + b"a: b\r\n" * 2**17, 431),
    "one header too many": (GET + b"a: b\r\n" * 100 + LAST, 431),
    "a URL without end": (b"GET /" + b"a" * 2**20, 414),
    "empty lines without end": (b"\r\n" * 2**17, 431),
    "a body that is announced as too long": (POST + b"Content-Length: 65537\r\n\r\n", 413),
    "a body of absurd length": (POST + b"Content-Length: 99999999999999999999\r\n\r\n", 400),
    "chunks without end": (CHUNKED + (b"400\r\n" + b"a" * 1024 + b"\r\n") * 100, 413),
    "an extension of a chunk without end": (CHUNKED + b"1;" + b"a" * 2**17, 413),
    "trailers without end": (CHUNKED + b"0\r\n" + b"a: b\r\n" * 2**15, 431),
    "two lengths": (POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\na", 400),
    "a length and chunks": (
        POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    "a space before the colon": (GET + b"Content-Length : 5\r\n\r\n", 400),
    "no HTTP at all": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100), 400),
    "a path that is none": (b"GET http://[ HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "a handshake with a long URL": (
        b"GET /" + b"a" * 8192 + b" HTTP/1.1\r\n" + HOST + UPGRADE,
        414,
    ),
    "a handshake with a long header": (GET + b"X: " + b"a" * 8192 + b"\r\n" + UPGRADE, 431),
    "an upgrade before the answer to another request": (GET + b"\r\n" + GET + UPGRADE, 400),
    "a tunnel": (b"CONNECT x:80 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
}


async def test_what_is_too_much_or_ambiguous_is_refused() -> None:
    async with open_house() as house:
        for what, (request, status) in REFUSED.items():
            assert (what, status_of(await house.ask(request))) == (what, status)


TAKEN = {
    "the largest head": GET + b"X: " + b"a" * 65_000 + b"\r\n" + LAST,
    "as many headers as there may be": GET + b"a: b\r\n" * 98 + LAST,
    "the largest body": POST + b"Content-Length: 65536\r\n" + LAST + b"a" * 65_536,
    "HTTP/1.0": b"GET / HTTP/1.0\r\n\r\n",
    "an absolute URL": b"GET http://x/ HTTP/1.1\r\n" + HOST + LAST,
    "another protocol that we do not speak": (
        GET + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n"
    ),
    "eight requests at once": (GET + b"\r\n") * 7 + GET + LAST,
}


async def test_what_is_within_the_bounds_is_answered() -> None:
    async with open_house() as house:
        for what, request in TAKEN.items():
            assert (what, status_of(await house.ask(request))) == (what, 200)


async def test_a_head_asks_for_what_a_get_would_get_also_where_that_never_ends() -> None:
    async with open_house() as house:
        for path in (b"/", b"/endless"):
            answer = await house.ask(b"HEAD " + path + b" HTTP/1.1\r\n" + HOST + LAST)
            assert status_of(answer) == 200
            assert answer.endswith(b"\r\n\r\n")


async def test_ten_thousand_requests_at_once_are_not_kept() -> None:
    async with open_house() as house:
        answer = await house.ask((GET + b"\r\n") * 10_000)
        assert answer.count(b"HTTP/1.1 200") <= 20


@pytest.mark.parametrize("sent", [b"", b"GE", GET, CHUNKED + b"1\r\n"])
async def test_a_request_that_does_not_come_to_its_end_is_given_up(sent: bytes) -> None:
    async with open_house(head_seconds=0.2, body_seconds=0.2) as house:
        async with asyncio.timeout(60):
            answer = await house.ask(sent)
        assert status_of(answer) == (408 if sent else 0)


async def test_a_drip_of_bytes_does_not_buy_time() -> None:
    async with open_house(head_seconds=0.5) as house:
        reader, writer = await house.connect()
        writer.write(GET + b"X: ")
        ended = asyncio.create_task(reader.read())
        dripped = 0
        async with asyncio.timeout(60):
            while not ended.done():
                writer.write(b"a")
                dripped += 1
                await asyncio.wait([ended], timeout=0.02)
        assert dripped
        writer.close()


async def test_the_second_request_of_a_connection_has_its_time_too() -> None:
    async with open_house(head_seconds=0.2, keep_alive_seconds=30) as house:
        async with asyncio.timeout(60):
            answer = await house.ask(GET + b"\r\nGET /")
        assert [status_of(b"HTTP/1.1 " + one) for one in answer.split(b"HTTP/1.1 ")[1:]] == [
            200,
            408,
        ]


async def silent(house: House, count: int) -> list[asyncio.StreamWriter]:
    return [(await house.connect())[1] for _ in range(count)]


async def test_silent_connections_leave_room_for_those_who_ask() -> None:
    async with open_house(connections=20, connections_per_address=0) as house:
        silents = await silent(house, 60)
        assert status_of(await house.ask(GET + LAST)) == 200
        for writer in silents:
            writer.close()


HANDSHAKE = (
    b"GET /v1/stream HTTP/1.1\r\n" + HOST + b"Connection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


async def opened(house: House, address: str) -> tuple[int, bytes]:
    """The status of a handshake that comes from there, and its head."""
    reader, writer = await asyncio.open_connection("127.0.0.1", house.port, local_addr=(address, 0))
    writer.write(HANDSHAKE)
    head = await reader.readuntil(b"\r\n\r\n")
    writer.transport.abort()
    return status_of(head), head


async def test_an_address_opens_streams_at_a_pace() -> None:
    async with open_house(streams_per_second=1) as house:
        house.door.clock = lambda: 100.0
        crowd = [(await opened(house, "127.0.0.2"))[0] for _ in range(7)]
        assert crowd == [101] * 5 + [429] * 2
        assert (await opened(house, "127.0.0.3"))[0] == 101, "others come as before"
        assert b"retry-after: 1\r\n" in (await opened(house, "127.0.0.2"))[1]
        house.door.clock = lambda: 102.0
        assert [(await opened(house, "127.0.0.2"))[0] for _ in range(3)] == [101, 101, 429]


async def test_connections_that_all_work_are_told_to_the_next_one() -> None:
    async with open_house(connections_per_address=8) as house:
        readers = []
        for _ in range(8):
            reader, writer = await house.connect()
            writer.write(b"GET /endless HTTP/1.1\r\n" + HOST + b"\r\n")
            assert b"200" in await reader.readuntil(b"\r\n")
            readers.append((reader, writer))
        answer = await house.ask(b"")
        assert status_of(answer) == 503
        assert b"8 connections of one address" in answer
        for _, writer in readers:
            writer.transport.abort()


async def test_who_reads_nothing_is_cut_off() -> None:
    async with open_house(unread_seconds=0.3, close_seconds=0.3) as house:
        _, writer = await house.connect()
        writer.write(b"GET /endless HTTP/1.1\r\n" + HOST + b"\r\n")
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        await house.until(lambda: len(house.door._guests) == 1)  # the one that asks
        writer.transport.abort()


async def test_who_asks_for_more_and_leaves_is_served_no_longer() -> None:
    """The newest request waits; the one that is being answered must hear of the end as well."""
    async with open_house() as house:
        before = len(asyncio.all_tasks())
        reader, writer = await house.connect()
        writer.write(b"GET /endless HTTP/1.1\r\n" + HOST + b"\r\n" + GET + b"\r\n")
        assert b"200" in await reader.readuntil(b"\r\n")
        writer.transport.abort()
        await house.until(lambda: len(asyncio.all_tasks()) <= before)


async def test_who_leaves_within_a_body_leaves_no_trace_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with open_house() as house:
        _, writer = await house.connect()
        writer.write(POST + b"Content-Length: 10\r\n\r\na")
        await writer.drain()
        assert status_of(await house.ask(GET + LAST)) == 200
        writer.transport.abort()
        assert status_of(await house.ask(GET + LAST)) == 200
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


async def test_requests_before_one_that_is_refused_leave_no_trace_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with open_house() as house:
        for last in (b"no HTTP at all\r\n\r\n", GET + UPGRADE):
            for before in range(1, 8):
                await house.ask((GET + b"Expect: 100-continue\r\n\r\n") * before + last)
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


async def test_who_is_late_with_a_request_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    """The doors are looked after twice while the connection lingers."""
    async with open_house(head_seconds=0.1) as house:
        reader, writer = await house.connect()
        writer.write(GET)
        assert status_of(await reader.read()) == 408
        (late,) = house.door._of_transport.values()
        await house.until(late.transport.is_closing)
        writer.transport.abort()
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []
