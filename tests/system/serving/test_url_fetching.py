"""Fetching by URL against a real server on loopback, which stands for all that a stranger must not
reach, and for the public one where it is allowed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field

import pytest

from matinee.serving.public_addresses import UrlRefused
from matinee.serving.url_fetching import MOST_REDIRECTS, FetchBounds, UrlFetcher, resolved

PATIENCE_S = 60.0
HERE = ("127.0.0.0/8",)
PNG = b"\x89PNG" + bytes(5000)


@dataclass
class Site:
    """Answers each path with what `pages` has, and keeps the heads that it got."""

    port: int = 0
    pages: dict[str, bytes] = field(default_factory=dict)
    heads: list[str] = field(default_factory=list)
    answering: set[asyncio.Task[None] | None] = field(default_factory=set)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.answering.add(asyncio.current_task())
        with closing(writer), suppress(ConnectionError, asyncio.IncompleteReadError):
            await self._answer(reader, writer)  # unless the other end leaves

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        self.heads.append(head)
        said = self.pages.get(head.split()[1])
        if said is not None:
            writer.write(said)
            await writer.drain()
        else:
            await reader.read()  # nothing, until the other end leaves


@asynccontextmanager
async def site() -> AsyncIterator[Site]:
    one = Site()
    server = await asyncio.start_server(one.answer, "127.0.0.1", 0)
    one.port = server.sockets[0].getsockname()[1]
    async with server:
        yield one
        await asyncio.gather(*(task for task in one.answering if task))


def page(
    body: bytes = PNG, kind: str = "image/png", *headers: str, status: str = "200 OK"
) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"content-type: {kind}", f"content-length: {len(body)}"]
    return "\r\n".join([*lines, *headers, "", ""]).encode() + body


def to(location: str) -> bytes:
    return page(b"", "text/html", f"location: {location}", status="302 Found")


class Names:
    """A resolver whose answers change: those of a name come in turn, the last one for good."""

    def __init__(self, **answers: Sequence[Sequence[str]]) -> None:
        self._answers = {name.replace("_", "."): list(turns) for name, turns in answers.items()}
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        turns = self._answers.get(host)
        if turns is None:
            return await resolved(host, port)
        return turns.pop(0) if len(turns) > 1 else turns[0]


async def fetched(
    url: str,
    names: Names | None = None,
    networks: tuple[str, ...] = (),
    most_bytes: int = 100_000,
    seconds: float = PATIENCE_S,
) -> bytes:
    taken = bytearray()

    async def take(piece: bytes) -> None:
        taken.extend(piece)

    bounds = FetchBounds(most_bytes, seconds, networks)
    await UrlFetcher(bounds, names or Names()).fetch(url, take)
    return bytes(taken)


EVIL = Names(
    evil_example=[["127.0.0.1"]],
    both_example=[["93.184.216.34", "127.0.0.1"]],
    six_example=[["::1"]],
    mapped_example=[["::ffff:127.0.0.1"]],
    nat_example=[["64:ff9b::7f00:1"]],
    meta_example=[["169.254.169.254"]],
    none_example=[[]],
    private_example=[["10.0.0.1"]],
    zone_example=[["fe80::1%eth0"]],
)
TRICKS = (
    *("http://127.0.0.1:PORT/", "http://127.1:PORT/", "http://127.0.1:PORT/", "http://0:PORT/"),
    *("http://2130706433:PORT/", "http://0x7f000001:PORT/", "http://0x7f.0.0.1:PORT/"),
    *("http://017700000001:PORT/", "http://0177.0.0.1:PORT/", "http://0177.0x0.0.1:PORT/"),
    *("http://0.0.0.0:PORT/", "http://127.255.255.254:PORT/", "http://127.000.000.001:PORT/"),
    *("http://localhost:PORT/", "http://LOCALHOST:PORT/", "http://localhost.:PORT/"),
    *("http://[::1]:PORT/", "http://[::]:PORT/", "http://[0:0:0:0:0:0:0:1]:PORT/"),
    *("http://[::ffff:127.0.0.1]:PORT/", "http://[::ffff:7f00:1]:PORT/"),
    *(
        "http://[::127.0.0.1]:PORT/",
        "http://[64:ff9b::7f00:1]:PORT/",
        "http://[2002:7f00:1::]:PORT/",
    ),
    *("http://[fe80::1%25lo]:PORT/", "http://[fec0::1]:PORT/", "http://[ff02::1]:PORT/"),
    *("http://169.254.169.254/latest/meta-data/", "http://2852039166/", "http://0xa9fea9fe/"),
    *("http://[fd00:ec2::254]/", "http://100.100.100.200/", "http://168.63.129.16/"),
    *("http://10.0.0.1/", "http://192.168.0.1/", "http://172.16.0.1/", "http://224.0.0.1/"),
    *("http://evil.example:PORT/", "http://both.example:PORT/", "http://six.example:PORT/"),
    *("http://mapped.example:PORT/", "http://nat.example:PORT/", "http://meta.example/"),
    *("http://none.example/", "http://private.example/", "http://zone.example/"),
    *("http://user@127.0.0.1:PORT/", "http://93.184.216.34@127.0.0.1:PORT/"),
    *("http://127.0.0.1:PORT\\@93.184.216.34/", "http://127.0.0.1:PORT#@93.184.216.34/"),
    *("http://127.0.0.1\t:PORT/", "http://①②⑦.⓪.⓪.①:PORT/", "http://127。0。0。1:PORT/"),
    *(
        "file:///etc/passwd",
        "file://localhost/etc/passwd",
        "FiLe:/etc/passwd",
        "ftp://evil.example/",
    ),
    *("gopher://127.0.0.1:PORT/_x", "dict://127.0.0.1:PORT/", "ldap://127.0.0.1:PORT/"),
    *("/etc/passwd", "//127.0.0.1:PORT/", "http:/127.0.0.1:PORT/", "http://127.0.0.1:22/"),
)


async def test_no_trick_leads_to_this_machine_or_its_network() -> None:
    async with site() as here:
        here.pages["/"] = page()
        taken = []
        for trick in TRICKS:
            try:
                await fetched(trick.replace("PORT", str(here.port)), EVIL)
            except UrlRefused:
                continue
            taken.append(trick)
        assert taken == []
        assert here.heads == []
    assert len(TRICKS) >= 40


async def test_the_connection_goes_to_the_address_that_was_checked() -> None:
    """A name may resolve to something else a moment later, for a redirect too."""
    turns = [["127.0.0.1"], ["10.0.0.1"]]
    async with site() as here:
        here.pages["/a.png"] = page()
        names = Names(rebinding_example=turns)
        url = f"http://rebinding.example:{here.port}/a.png"
        assert await fetched(url, names, HERE) == PNG
        assert names.asked == ["rebinding.example"]
        assert f"host: rebinding.example:{here.port}\r\n" in here.heads[0]

        here.pages["/again.png"] = to(url)
        names = Names(rebinding_example=turns)
        with pytest.raises(UrlRefused, match="not at a public address"):
            await fetched(f"http://rebinding.example:{here.port}/again.png", names, HERE)
        assert len(here.heads) == 2


@pytest.mark.parametrize(
    "location",
    [
        *("http://169.254.169.254/latest/", "http://10.0.0.1/", "//10.0.0.1/", "http://[::1]/"),
        *("file:///etc/passwd", "data:image/png;base64,AAAA", "http://[", "http://a@10.0.0.1/"),
        "http://meta.example/",
    ],
)
async def test_each_redirect_is_checked(location: str) -> None:
    async with site() as here:
        here.pages["/"] = to(location)
        with pytest.raises(UrlRefused):
            await fetched(f"http://127.0.0.1:{here.port}/", EVIL, HERE)
        assert len(here.heads) == 1


async def test_redirects_are_followed_but_not_without_end() -> None:
    async with site() as here:
        here.pages |= {"/1": to("/2"), "/2": to("3"), "/3": page(), "/o": to("/o")}
        assert await fetched(f"http://127.0.0.1:{here.port}/1", networks=HERE) == PNG
        here.heads.clear()
        with pytest.raises(UrlRefused, match="more than"):
            await fetched(f"http://127.0.0.1:{here.port}/o", networks=HERE)
        assert len(here.heads) == 1 + MOST_REDIRECTS


CHUNKED = b"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ntransfer-encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (page(kind="text/html"), "no image, but text/html"),
        (page(kind=""), "of no type"),
        (page(PNG, "image/png", "content-encoding: gzip"), "coding"),
        (page(status="404 Not Found"), "404"),
        (page(status="206 Partial Content"), "206"),
        (page(bytes(200_000)), "more than 100000 bytes"),
        (CHUNKED + b"30d40\r\n" + bytes(200_000) + b"\r\n0\r\n\r\n", "more than 100000 bytes"),
        (page()[:-1], "nothing could be read"),
        (b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 20_000, "nothing could be read"),
        (b"+OK POP3 ready\r\n", "nothing could be read"),
    ],
)
async def test_what_is_no_image_or_too_large_is_refused(answer: bytes, says: str) -> None:
    async with site() as here:
        here.pages["/"] = answer
        with pytest.raises(UrlRefused, match=says):
            await fetched(f"http://127.0.0.1:{here.port}/", networks=HERE)


async def test_who_does_not_answer_is_not_waited_for() -> None:
    async with site() as here:
        with pytest.raises(UrlRefused, match=r"within 0\.2 s"):
            await fetched(f"http://127.0.0.1:{here.port}/silent", networks=HERE, seconds=0.2)
