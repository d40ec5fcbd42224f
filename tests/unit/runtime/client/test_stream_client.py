from __future__ import annotations

import asyncio
import re

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from matinee.client.stream_client import StreamClient, StreamClosed, StreamUnavailable, stream_url
from matinee.errors import BadInput
from tests.system.player.scripted_server import ScriptedSession, scripted_server


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("localhost:8000", "ws://localhost:8000/v1/stream"),
        ("http://localhost:8000", "ws://localhost:8000/v1/stream"),
        ("http://localhost:8000/", "ws://localhost:8000/v1/stream"),
        ("http://localhost:8000/player", "ws://localhost:8000/v1/stream"),
        ("https://host/film/player", "wss://host/film/v1/stream"),
        ("ws://localhost:8000/v1/stream", "ws://localhost:8000/v1/stream"),
        ("wss://host/v1/stream?key=1", "wss://host/v1/stream?key=1"),
    ],
)
def test_people_may_name_the_server_in_many_ways(typed: str, expected: str) -> None:
    assert expected == stream_url(typed)


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "ftp://host",
        "http://",
        "/player",
        "localhost:99999",
        "localhost:0",
        "localhost:port",
        "http://[::1",
        f"http://{'a' * 300}.org",
    ],
)
def test_what_is_no_address_is_bad_input(typed: str) -> None:
    with pytest.raises(BadInput, match="is no address"):
        stream_url(typed)


async def test_messages_and_video_come_in_the_servers_order() -> None:
    sessions: list[ScriptedSession] = []
    heard: list[dict[str, object]] = []

    async def script(session: ScriptedSession) -> None:
        sessions.append(session)
        heard.append(await session.open())
        heard.append(await session.begin_segment())
        await session.end_segment()
        await session.say("ltx2_stream_complete", reason="segment_cap")
        await session.close(1000, "segment_cap")

    async with (
        scripted_server(script) as url,
        StreamClient.connect(url, init={"seed": 7}) as stream,
    ):
        await stream.send_prompt("a red ball", request_id="one")
        items = [item async for item in stream]

    assert heard == [
        {"type": "session_init_v2", "seed": 7},
        {"type": "segment_prompt_source", "prompt": "a red ball", "request_id": "one"},
    ]
    kinds = ["video" if isinstance(item, bytes) else item["type"] for item in items]
    assert [
        "queue_status",
        "gpu_assigned",
        "ltx2_stream_start",
        "ltx2_segment_start",
        "step_complete",
        "media_init",
        *["video"] * 4,
        "media_segment_complete",
        "ltx2_segment_complete",
        "ltx2_stream_complete",
    ] == kinds
    assert sessions[0].sent == [item for item in items if isinstance(item, bytes)]
    assert (stream.close_code, stream.close_reason) == (1000, "segment_cap")


async def test_a_lost_connection_ends_the_iteration_with_code_1006() -> None:
    async def script(session: ScriptedSession) -> None:
        await session.open()
        session.vanish()

    async with scripted_server(script) as url, StreamClient.connect(url) as stream:
        assert len([item async for item in stream]) == 3
        assert stream.close_code == 1006


async def test_sending_after_the_end_says_why_it_ended() -> None:
    async def script(session: ScriptedSession) -> None:
        await session.hear()
        await session.close(1013, "session_rejected")

    async with scripted_server(script) as url, StreamClient.connect(url) as stream:
        assert await stream.receive() is None
        with pytest.raises(StreamClosed, match="session_rejected") as caught:
            await stream.send_prompt("too late")
    assert caught.value.code == 1013


async def test_a_server_without_tls_is_told_with_the_remedy() -> None:
    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(StreamUnavailable, match="for a server without TLS write http://"):
            async with StreamClient.connect(f"https://127.0.0.1:{port}"):
                pass


async def test_a_server_that_is_not_there_is_told_in_words() -> None:
    async def script(session: ScriptedSession) -> None:
        raise AssertionError("nobody comes")

    async with scripted_server(script) as url:
        gone = url
    with pytest.raises(StreamUnavailable, match="nothing listens there"):
        async with StreamClient.connect(gone):
            pass


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (404, "", "there is no stream at that path; give http://HOST:PORT of a server"),
        (503, '{"error": "this server is draining"}', "answers 503: this server is draining"),
        (502, "<html>", "the server answers 502"),
        (500, "[]", "the server answers 500"),
        (500, "[" * 5000, "the server answers 500"),
    ],
)
async def test_an_answer_that_is_no_stream_is_told_in_the_servers_words(
    status: int, body: str, says: str
) -> None:
    def refuse(connection: ServerConnection, _request: Request) -> Response:
        return connection.respond(status, body)

    async def never(_connection: ServerConnection) -> None:
        raise AssertionError("nobody gets in")

    async with serve(never, "127.0.0.1", 0, process_request=refuse) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        with pytest.raises(StreamUnavailable, match=f"{re.escape(says)}$") as caught:
            async with StreamClient.connect(f"http://127.0.0.1:{port}"):
                pass
    assert caught.value.status == status


@pytest.mark.parametrize("place", ["file:///etc/passwd", "gopher://a", "ws://[", "/v1/stream"])
async def test_a_server_that_sends_us_to_what_is_no_stream_is_told(place: str) -> None:
    def send_on(connection: ServerConnection, _request: Request) -> Response:
        response = connection.respond(302, "")
        response.headers["Location"] = place
        return response

    async def never(_connection: ServerConnection) -> None:
        raise AssertionError("nobody gets in")

    async with serve(never, "127.0.0.1", 0, process_request=send_on) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        with pytest.raises(StreamUnavailable, match=r"is not a stream|answers 302"):
            async with StreamClient.connect(f"http://127.0.0.1:{port}"):
                pass
