"""HTTP/1.1 to others: one request on a connection of its own, its answer in pieces as it comes.

The router asks three things of a backend: how it is, its slots, and what a viewer asked for; a
server asks for what a client names by a URL. None of them needs more, and all must be bounded: the
head of an answer here, its body by who reads.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import SplitResult, urlsplit

import httptools

READ_BYTES = 64 * 1024
MOST_HEAD_BYTES = 64 * 1024


@cache
def tls() -> ssl.SSLContext:
    """For everybody: reading the authorities takes milliseconds, in which no frame goes on."""
    return ssl.create_default_context()


class Unanswered(Exception):
    """There is no answer, or none that is HTTP; the message says why."""


class NotReached(Unanswered):
    """It was asked nothing."""


@dataclass(slots=True)
class Answer:
    """`headers`: names in lower case."""

    status: int
    headers: list[tuple[str, str]]
    _parsing: _Parsing
    _reader: asyncio.StreamReader

    async def pieces(self, silence_s: float | None = None) -> AsyncGenerator[bytes]:
        """Of the body. Raises `Unanswered` when it ends too early, or when nothing comes for so
        long."""
        while True:
            for piece in self._parsing.taken():
                yield piece
            if self._parsing.complete:
                return
            try:
                async with asyncio.timeout(silence_s):
                    await self._parsing.read(self._reader)
            except TimeoutError as error:
                raise Unanswered("it has gone quiet") from error

    async def lines(self, most_bytes: int, silence_s: float | None = None) -> AsyncGenerator[bytes]:
        """Of the body, each without its end. Raises as `pieces` does, and `Unanswered` for a line
        that is longer."""
        rest = b""
        async for piece in self.pieces(silence_s):
            *whole, rest = (rest + piece).split(b"\n")
            if len(rest) > most_bytes:
                raise Unanswered(f"a line of more than {most_bytes} bytes")
            for line in whole:
                yield line

    async def body(self, most_bytes: int, silence_s: float | None = None) -> bytes:
        """All of it. Raises `Unanswered`, also when it is longer."""
        whole = b""
        async for piece in self.pieces(silence_s):
            whole += piece
            if len(whole) > most_bytes:
                raise Unanswered(f"an answer of more than {most_bytes} bytes")
        return whole


@dataclass(slots=True)
class _Parsing:
    """What httptools calls back."""

    headers: list[tuple[str, str]] = field(default_factory=list)
    head_done: bool = False
    complete: bool = False
    _pieces: list[bytes] = field(default_factory=list)
    _parser: httptools.HttpResponseParser | None = None
    _head_bytes: int = 0

    def __post_init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)

    @property
    def status(self) -> int:
        return int(self._http.get_status_code())

    async def read(self, reader: asyncio.StreamReader) -> None:
        """Raises `Unanswered`."""
        data = await reader.read(READ_BYTES)
        if not data and self.head_done and not self._is_framed:
            self.complete = True  # the end of the connection is that of the body
            return
        if not data:
            raise Unanswered("the connection ended too early")
        try:
            self._http.feed_data(data)
        except httptools.HttpParserError as error:
            raise Unanswered("the answer is not HTTP") from error
        self._head_bytes += 0 if self.head_done else len(data)
        if self._head_bytes > MOST_HEAD_BYTES:
            raise Unanswered("the answer's head is too long")

    def taken(self) -> list[bytes]:
        pieces, self._pieces = self._pieces, []
        return pieces

    @property
    def _http(self) -> httptools.HttpResponseParser:
        assert self._parser is not None  # noqa: S101 - made right after
        return self._parser

    @property
    def _is_framed(self) -> bool:
        return any(name in ("content-length", "transfer-encoding") for name, _ in self.headers)

    # From the parser

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.decode("latin-1").lower(), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        self.head_done = True

    def on_body(self, body: bytes) -> None:
        self._pieces.append(body)

    def on_message_complete(self) -> None:
        self.complete = True


@asynccontextmanager
async def asked(
    base_url: str,
    path: str,
    headers: Mapping[str, str],
    *,
    timeout_s: float | None,
    sends: tuple[str, bytes] = ("GET", b""),
    context: ssl.SSLContext | None = None,
    patience_s: float | None = None,
    rest: AsyncIterator[bytes] | None = None,
    address: str | None = None,
) -> AsyncIterator[Answer]:
    """Ask, and read the head of the answer within the time; the connection ends with the block.

    `path`: with the query. `sends`: the method, and a body. `context`: for `https:`, unless it is
    that of everybody. `patience_s`: for the answer, once there is a connection, where that is
    another time. `rest`: more of the body, whose length the headers tell; the answer may come
    before its end. `address`: where to connect to, whatever the name resolves to by now. Raises
    `Unanswered` (`NotReached` where it was not asked), and what `rest` raises.
    """
    parts = urlsplit(base_url)
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(timeout_s) as deadline:
            reader, writer = await _connected(parts, context, address)
            if patience_s is not None:
                deadline.reschedule(asyncio.get_running_loop().time() + patience_s)
            writer.write(_request(path, {"host": parts.netloc, **headers}, *sends))
            answer = await _heard(reader, writer, rest)
        yield answer
    except (OSError, UnicodeError) as error:  # a name may be none
        raise _unanswered(writer, error) from error
    finally:
        if writer is not None:
            writer.transport.abort()


async def _connected(
    parts: SplitResult, context: ssl.SSLContext | None, address: str | None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    trust = (context or tls()) if parts.scheme == "https" else None
    name = parts.hostname if trust else None
    port = parts.port or (443 if trust else 80)
    place = address or parts.hostname
    return await asyncio.open_connection(place, port, ssl=trust, server_hostname=name)


def _unanswered(writer: asyncio.StreamWriter | None, error: Exception) -> Unanswered:
    """`writer`: to whom it asked, if there was a connection."""
    why = getattr(error, "strerror", None) or str(error) or "the connection failed"
    if isinstance(error, TimeoutError):
        why = "no answer in time"
    return NotReached(why) if writer is None else Unanswered(why)


async def _heard(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, rest: AsyncIterator[bytes] | None
) -> Answer:
    await writer.drain()
    parsing = _Parsing()
    if rest is None:
        await _read_head(parsing, reader)
    else:
        await _read_head_while(parsing, reader, _send(writer, rest))
    return Answer(parsing.status, parsing.headers, parsing, reader)


async def _read_head(parsing: _Parsing, reader: asyncio.StreamReader) -> None:
    while not parsing.head_done:
        await parsing.read(reader)


async def _read_head_while(
    parsing: _Parsing, reader: asyncio.StreamReader, sends: Coroutine[Any, Any, None]
) -> None:
    """Who has answered needs no more of the body. Raises what sending raises, too."""
    tasks = [asyncio.create_task(one) for one in (_read_head(parsing, reader), sends)]
    reading, sending = tasks
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if sending.done():
            sending.result()
        await reading
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _send(writer: asyncio.StreamWriter, rest: AsyncIterator[bytes]) -> None:
    """An end that takes no more may have answered already."""
    async for piece in rest:
        writer.write(piece)
        try:
            await writer.drain()
        except OSError:
            return


def _request(path: str, headers: Mapping[str, str], method: str, body: bytes) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {headers[name]}" for name in headers)]
    if body and headers.keys().isdisjoint(("content-length", "transfer-encoding")):
        lines.append(f"content-length: {len(body)}")
    return "\r\n".join([*lines, "connection: close", "", ""]).encode("latin-1") + body
