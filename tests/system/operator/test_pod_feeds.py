from __future__ import annotations

import asyncio
import dataclasses
import json
import socket
import ssl
from collections.abc import AsyncIterator
from typing import Any

import pytest
import trustme
from aiohttp import web

from matinee_api.contracts.fetch import FetchProgress
from matinee_operator.actions import Drain, SetDoor
from matinee_operator.clients.pod_feeds import (
    PROGRESS,
    ROUTER,
    SLOTS,
    PodFeeds,
    Stream,
    parse_progress,
    parse_slots,
    pod_session,
)
from matinee_operator.errors import PodUnreachable
from matinee_operator.objects import Address, Key
from matinee_operator.observe.pods import Slots
from tests.unit.operator.making import slots

LIVE = Key("StreamingService", "demo", "live")
FRONT = Key("Router", "demo", "front")
TABLE = {"sessions": 0, "queued": 0, "backends": ["live-a-0"]}


class FakePod:
    """The routes of a runtime pod that the operator uses, on a real socket."""

    def __init__(self) -> None:
        self.lines: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        self.drains: list[tuple[str, Any]] = []
        self.connections = 0
        self.tokens: list[str | None] = []
        self.opened: asyncio.Queue[None] = asyncio.Queue()
        self.drain_status = 200
        self.slots_status = 200
        self.wants: str | None = None
        self.port = self.tls_port = 0
        self.elsewhere: str | None = None
        self.sent_on = asyncio.Event()

    async def send_on(self, _request: web.Request) -> web.Response:
        self.sent_on.set()
        return web.Response(status=302, headers={"Location": self.elsewhere or "/"})

    async def slots(self, request: web.Request) -> web.StreamResponse:
        self.connections += 1
        self.tokens.append(request.headers.get("Authorization"))
        if self.wants not in (None, self.tokens[-1]):
            return web.Response(status=401)
        response = web.StreamResponse(status=self.slots_status)
        await response.prepare(request)
        self.opened.put_nowait(None)
        while (line := await self.lines.get()) is not None:
            await response.write(json.dumps(line).encode() + b"\n")
        return response

    async def drain(self, request: web.Request) -> web.Response:
        if self.elsewhere:
            return web.Response(status=302, headers={"Location": self.elsewhere})
        self.drains.append((request.headers["Authorization"], await request.json()))
        if self.wants not in (None, self.drains[-1][0]):
            return web.Response(status=401)
        return web.json_response({}, status=self.drain_status)


@pytest.fixture
async def fake() -> AsyncIterator[FakePod]:
    fake = FakePod()
    app = web.Application()
    app.add_routes(
        [
            *[web.get(path, fake.slots) for path in ("/v1/slots", "/v1/download", "/v1/table")],
            web.get("/elsewhere", fake.send_on),
            web.post("/v1/drain", fake.drain),
            web.put("/v1/door", fake.drain),
        ]
    )
    runner = web.AppRunner(app, shutdown_timeout=0.0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    fake.port = runner.addresses[0][1]
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("video.example.com").configure_cert(tls)
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    fake.tls_port = runner.addresses[1][1]
    if socket.has_dualstack_ipv6():
        await web.TCPSite(runner, "::1", fake.port).start()
    yield fake
    for _ in range(fake.connections):
        fake.lines.put_nowait(None)
    await runner.cleanup()


class Changes:
    """Waits for the next change."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Key] = asyncio.Queue()

    def __call__(self, service: Key) -> None:
        self._queue.put_nowait(service)

    async def next(self) -> Key:
        return await self._queue.get()


@pytest.fixture
def changes() -> Changes:
    return Changes()


@pytest.fixture
async def feeds(fake: FakePod, changes: Changes) -> AsyncIterator[PodFeeds]:
    async with pod_session() as session:
        feeds = PodFeeds(session, changes, fake.port)
        yield feeds
        await feeds.close()


def line(**facts: Any) -> dict[str, Any]:
    return {"used": 1, "total": 4, "free": 3, "queued": 0, "draining": False} | facts


HERE = {"uid": Address("127.0.0.1", 8001)}
ORDER = Drain("live-new-0", Address("127.0.0.1", 8001), 60.0, migrate=True)


async def test_what_a_pod_says_is_known_and_told(
    feeds: PodFeeds, fake: FakePod, changes: Changes
) -> None:
    feeds.follow(LIVE, SLOTS, HERE)
    assert feeds.slots("uid") is None
    fake.lines.put_nowait(line())
    assert await changes.next() == LIVE
    assert feeds.slots("uid") == slots(1)
    fake.lines.put_nowait(line())  # a heartbeat is no news
    fake.lines.put_nowait(line(used=0, draining=True))
    await changes.next()
    assert feeds.slots("uid") == slots(draining=True)


@pytest.mark.parametrize(("token", "said"), [("secret", "Bearer secret"), ("", None)])
async def test_a_feed_is_read_with_the_token_of_its_pods(
    feeds: PodFeeds, fake: FakePod, token: str, said: str | None
) -> None:
    feeds.follow(LIVE, SLOTS, HERE, (token,))
    await fake.opened.get()
    assert fake.tokens == [said]


async def test_a_pod_that_knows_a_former_token_only_is_heard_and_told_with_it(
    feeds: PodFeeds, fake: FakePod, changes: Changes
) -> None:
    fake.wants, tokens = "Bearer former", ("present", "former")
    feeds.follow(LIVE, SLOTS, HERE, tokens)
    fake.lines.put_nowait(line(used=3))
    assert await changes.next() == LIVE
    assert feeds.slots("uid") == slots(used=3, total=4)
    assert not feeds.token_refused("uid")
    await feeds.order(ORDER, tokens)
    assert [token for token, _ in fake.drains] == ["Bearer present", "Bearer former"]


async def test_a_pod_that_wants_another_token_is_known_until_it_takes_ours(
    feeds: PodFeeds, fake: FakePod, changes: Changes
) -> None:
    fake.slots_status = 401
    feeds.follow(LIVE, SLOTS, HERE, ("secret",))
    assert await changes.next() == LIVE
    assert feeds.token_refused("uid")
    fake.slots_status = 200
    fake.lines.put_nowait(line())
    assert await changes.next() == LIVE
    assert (feeds.token_refused("uid"), feeds.token_refused("other")) == (False, False)


async def test_each_pod_is_asked_where_it_says(
    feeds: PodFeeds, fake: FakePod, changes: Changes
) -> None:
    feeds.port = None
    feeds.follow(LIVE, SLOTS, {"uid": Address("127.0.0.1", fake.port)})
    fake.lines.put_nowait(line())
    assert await changes.next() == LIVE


async def test_a_pod_that_serves_tls_is_read_whatever_name_its_certificate_is_for(
    feeds: PodFeeds, fake: FakePod, changes: Changes
) -> None:
    feeds.port = None
    feeds.follow(FRONT, ROUTER, {"uid": Address("127.0.0.1", fake.tls_port, "https")}, ("secret",))
    fake.lines.put_nowait(TABLE)
    assert await changes.next() == FRONT
    assert fake.tokens == ["Bearer secret"]


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
async def test_pods_of_a_cluster_with_ipv6_only_are_read_and_drained(
    feeds: PodFeeds, fake: FakePod, changes: Changes
) -> None:
    there = Address("::1", fake.port)
    feeds.port = None
    feeds.follow(LIVE, SLOTS, {"uid": there})
    fake.lines.put_nowait(line())
    assert await changes.next() == LIVE
    await feeds.order(dataclasses.replace(ORDER, address=there), ("secret",))
    assert len(fake.drains) == 1


async def test_a_broken_feed_knows_nothing_and_is_opened_again(
    feeds: PodFeeds, fake: FakePod, changes: Changes
) -> None:
    feeds.follow(LIVE, SLOTS, HERE)
    fake.lines.put_nowait(line())
    await changes.next()
    fake.lines.put_nowait(None)
    await changes.next()
    assert feeds.slots("uid") is None
    fake.lines.put_nowait(line(used=2))
    await changes.next()
    assert feeds.slots("uid") == slots(2)
    assert fake.connections == 2


async def test_a_router_s_last_word_counts_for_a_while_after_its_feed_broke(
    feeds: PodFeeds, fake: FakePod, changes: Changes
) -> None:
    feeds.follow(FRONT, dataclasses.replace(ROUTER, kept_s=3600.0), HERE)
    fake.lines.put_nowait(TABLE)
    await changes.next()
    await fake.opened.get()
    known = feeds.router("uid")
    assert known is not None
    fake.lines.put_nowait(None)
    await fake.opened.get()  # it was opened again, and nothing was said so far
    assert feeds.router("uid") == known
    fake.lines.put_nowait({**TABLE, "backends": []})
    await changes.next()
    assert feeds.router("uid") == known.model_copy(update={"backends": ()})


async def test_a_router_that_stays_silent_is_unknown_in_the_end(
    feeds: PodFeeds, fake: FakePod, changes: Changes
) -> None:
    feeds.follow(FRONT, dataclasses.replace(ROUTER, silence_s=0.1, kept_s=0.1), HERE)
    fake.lines.put_nowait(TABLE)
    await changes.next()
    await changes.next()
    assert feeds.router("uid") is None


class Broken(Exception):
    """What no parser should raise."""


async def test_a_bug_in_a_feed_is_logged_and_the_feed_goes_on(
    feeds: PodFeeds, fake: FakePod, changes: Changes, caplog: pytest.LogCaptureFixture
) -> None:
    def parse(text: bytes) -> Slots:
        if b"13" in text:
            raise Broken
        return parse_slots(text)

    feeds.follow(LIVE, Stream("/v1/slots", parse), HERE)
    fake.lines.put_nowait(line())
    await changes.next()
    fake.lines.put_nowait(line(used=13))
    await changes.next()
    assert feeds.slots("uid") is None
    (told,) = [one for one in caplog.records if one.levelname == "ERROR"]
    assert told.exc_info
    assert told.exc_info[0] is Broken
    fake.lines.put_nowait(None)
    fake.lines.put_nowait(line(used=2))
    await changes.next()
    assert feeds.slots("uid") == slots(2)


async def test_a_listener_that_fails_ends_no_feed(
    feeds: PodFeeds, fake: FakePod, changes: Changes
) -> None:
    def fails_once(_root: Key) -> None:
        feeds.changed = changes
        raise Broken

    feeds.changed = fails_once
    feeds.follow(LIVE, SLOTS, HERE)
    fake.lines.put_nowait(line())
    await changes.next()
    fake.lines.put_nowait(None)
    fake.lines.put_nowait(line(used=2))
    await changes.next()
    assert feeds.slots("uid") == slots(2)


async def test_when_it_is_closed_every_feed_has_ended(feeds: PodFeeds, fake: FakePod) -> None:
    feeds.follow(LIVE, SLOTS, HERE)
    await fake.opened.get()
    feeds.follow(LIVE, SLOTS, {})
    await feeds.close()
    assert [task for task in asyncio.all_tasks() if task.get_name().startswith("feed ")] == []


async def test_pods_that_are_gone_are_followed_no_more(
    feeds: PodFeeds, fake: FakePod, changes: Changes
) -> None:
    feeds.follow(LIVE, SLOTS, HERE)
    fake.lines.put_nowait(line())
    await changes.next()
    feeds.follow(LIVE, SLOTS, {})
    assert (feeds.count, feeds.slots("uid")) == (0, None)


async def test_a_pod_that_fetches_says_how_far_it_is(
    feeds: PodFeeds, fake: FakePod, changes: Changes
) -> None:
    model = Key("VideoModel", "demo", "ltx")
    feeds.follow(model, PROGRESS, HERE)
    fake.lines.put_nowait({"bytes_done": 1, "bytes_total": 2, "bytes_per_second": 3})
    assert await changes.next() == model
    known = FetchProgress(bytes_done=1, bytes_total=2, bytes_per_second=3)
    assert (feeds.progress("uid"), feeds.slots("uid")) == (known, None)


async def test_hundreds_of_feeds_are_open_and_a_pod_can_still_be_told_to_drain(
    feeds: PodFeeds, fake: FakePod
) -> None:
    count = 150
    place = HERE["uid"]
    feeds.follow(LIVE, SLOTS, {f"uid-{number}": place for number in range(count)})
    for _ in range(count):
        await fake.opened.get()
    await feeds.order(ORDER, ("secret",))


async def test_a_pod_is_told_to_drain_with_the_token(feeds: PodFeeds, fake: FakePod) -> None:
    await feeds.order(ORDER, ("secret",))
    await feeds.order(dataclasses.replace(ORDER, migrate=False), ("secret",))
    assert fake.drains == [
        ("Bearer secret", {"deadline_seconds": 60.0}),
        ("Bearer secret", {"deadline_seconds": 60.0, "on_deadline": "close"}),
    ]


async def test_a_pod_is_told_who_may_come_in(feeds: PodFeeds, fake: FakePod) -> None:
    order = SetDoor(ORDER.address, routers_only=True)
    await feeds.order(order, ("secret",))
    assert fake.drains == [("Bearer secret", {"routers_only": True})]
    fake.drain_status = 409
    with pytest.raises(PodUnreachable, match="does not change who may come in: HTTP 409"):
        await feeds.order(order, ("secret",))


async def test_a_pod_that_does_not_drain_is_an_error(feeds: PodFeeds, fake: FakePod) -> None:
    fake.drain_status = 403
    with pytest.raises(PodUnreachable, match=r"127\.0\.0\.1 does not drain: HTTP 403"):
        await feeds.order(ORDER, ("wrong",))
    with pytest.raises(PodUnreachable, match="the order to drain failed"):
        await feeds.order(
            dataclasses.replace(ORDER, address=Address("127.0.0.2", 8001)), ("secret",)
        )


async def test_a_pod_sends_nobody_elsewhere(feeds: PodFeeds, fake: FakePod) -> None:
    fake.elsewhere = "/v1/slots"
    feeds.follow(LIVE, Stream("/elsewhere", parse_slots), HERE)
    await fake.sent_on.wait()
    with pytest.raises(PodUnreachable, match="HTTP 302"):
        await feeds.order(ORDER, ("secret",))
    assert (fake.connections, fake.drains) == (0, [])


async def test_a_line_without_end_is_a_broken_feed(
    feeds: PodFeeds, fake: FakePod, changes: Changes
) -> None:
    feeds.follow(LIVE, SLOTS, HERE)
    fake.lines.put_nowait(line())
    assert await changes.next() == LIVE
    fake.lines.put_nowait(line(worker="a" * 2**20))
    assert await changes.next() == LIVE
    assert feeds.slots("uid") is None


@pytest.mark.parametrize(
    "text",
    [
        *(b"", b"no", b"[]", b"{}", b'{"used": "x"}', b"null", b"[" * 10_000),
        json.dumps({"used": 0, "total": 10**30, "queued": 0, "draining": False}).encode(),
        json.dumps({"used": -1, "total": 1, "queued": 0, "draining": False}).encode(),
        json.dumps({"bytes_done": 10**30, "bytes_total": 1, "bytes_per_second": 1}).encode(),
    ],
)
def test_other_lines_are_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_slots(text)
    with pytest.raises(ValueError, match=r"."):
        parse_progress(text)
