"""Queues outlive connections, routers and their store, and several routers share one."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.servers.redis_server import RedisServer, redis_server
from tests.system.end_to_end.resuming import PROMPTS, Seat, saved, seated, watch
from tests.system.end_to_end.serving import PATIENCE_S, Server, fake_server, running
from tests.system.end_to_end.viewing import Message, Viewer, kinds_of, messages_of, raw, session
from tests.system.router.routing import know_slots, routing

KEYS = {"alice": "alice-has-a-long-key", "bob": "bob-has-a-long-key-too"}


@pytest.fixture(scope="module")
def pod(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """It has one slot."""
    with running(fake_server(max_sessions=1), tmp_path_factory.mktemp("pod") / "log") as server:
        yield server


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with redis_server(tmp_path) as server:
        yield server


class Routers:
    """Routers in front of one server."""

    def __init__(self, folder: Path, pod: Server, queue: dict[str, Any], keys: Path | None) -> None:
        self._folder, self._pod, self._stack = folder, pod, AsyncExitStack()
        self._settings: dict[str, Any] = {"queue": queue}
        if keys is not None:
            token = folder / "token"
            token.write_text("a control token of 32 characters, or more")
            self._settings |= {"keys_file": str(keys), "control_token_file": str(token)}
        self._started = 0

    async def __aenter__(self) -> Routers:
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self._stack.aclose()

    def start(self) -> Server:
        self._started += 1
        folder = self._folder / f"router-{self._started}"
        folder.mkdir()
        router = self._stack.enter_context(routing(folder, [self._pod.url], **self._settings))
        if "keys_file" not in self._settings:  # with keys there is a control token too
            know_slots(router, [self._pod.url])
        return router


def sharing(folder: Path, pod: Server, redis: RedisServer, keys: Path | None = None) -> Routers:
    return Routers(folder, pod, {"store_url": redis.url, "name": "test"}, keys)


async def place(viewer: Viewer, position: int, depth: int) -> Message:
    """Wait until the viewer is told this place."""
    while True:
        told = await viewer.hear("queue_status")
        if (told["position"], told["queue_depth"]) == (position, depth):
            return told


async def test_who_loses_the_connection_in_the_queue_has_the_place_back(
    tmp_path: Path, pod: Server
) -> None:
    async with Routers(tmp_path, pod, {}, None) as routers:
        router = routers.start()
        async with session(router) as playing, session(router) as first:
            token = (await place(first, 0, 1))["queue_token"]
            async with session(router) as second:
                await place(second, 1, 2)
                first.vanish()
                await place(second, 0, 1)
                async with session(router, queue_token=token) as back:
                    assert (await place(back, 0, 2))["queue_token"] == token
                    await place(second, 1, 2)
                    await playing.end()
                    await back.hear("ltx2_stream_start")
                    await back.end()
                await second.hear("ltx2_stream_start")
                await second.end()


async def test_who_comes_back_before_the_loss_is_noticed_takes_the_place_over(
    tmp_path: Path, pod: Server
) -> None:
    async with Routers(tmp_path, pod, {}, None) as routers:
        router = routers.start()
        async with session(router) as playing, session(router) as stuck:
            token = (await place(stuck, 0, 1))["queue_token"]
            async with session(router, queue_token=token) as back:
                await place(back, 0, 1)
                (error,) = messages_of(await stuck.rest(), "error")
                assert (error["code"], stuck.close_reason) == ("session_rejected", "place_taken")
                await playing.end()
                await back.hear("ltx2_stream_start")
                await back.end()


async def test_who_comes_back_to_a_session_that_still_stands_has_its_slot_before_who_waits(
    tmp_path: Path, pod: Server
) -> None:
    async with Routers(tmp_path, pod, {}, None) as routers:
        router, seat = routers.start(), Seat()
        async with seated(router, seat, seed=5) as stuck:
            await stuck.ask(PROMPTS[0])
            await watch(stuck, seat, done=1)
            await saved(stuck)
            async with session(router) as waits:
                await place(waits, 0, 1)
                resume = seat.resume(frames=seat.frames)
                async with seated(router, seat, resume=resume) as back:
                    assert seat.assigned["resumed"]["segment_idx"] == 1
                    (error,) = messages_of(await stuck.rest(), "error")
                    assert (error["code"], stuck.close_code) == ("session_taken_over", 1008)
                    await back.ask(PROMPTS[1])
                    await watch(back, seat, done=2)
                    await back.end()
                await waits.hear("ltx2_stream_start")
                await waits.end()


@pytest.mark.redis
async def test_routers_share_a_queue_and_who_came_first_goes_first_at_any_of_them(
    tmp_path: Path, pod: Server, redis: RedisServer
) -> None:
    async with sharing(tmp_path, pod, redis) as routers:
        one, other = routers.start(), routers.start()
        async with session(one) as playing:
            await playing.hear("ltx2_stream_start")
            async with session(other) as first:
                await place(first, 0, 1)
                async with session(one) as second:
                    await place(second, 1, 2)
                    await place(first, 0, 2)
                    assert one.get("/status").json()["queue_shared"] is True
                    await playing.end()
                    await first.hear("ltx2_stream_start")
                    await place(second, 0, 1)
                    await first.end()
                    await second.hear("ltx2_stream_start")
                    await second.end()


@pytest.mark.redis
async def test_a_place_outlives_its_router(tmp_path: Path, pod: Server, redis: RedisServer) -> None:
    """Killed, and told to end."""
    async with sharing(tmp_path, pod, redis) as routers:
        keeps = routers.start()
        async with session(keeps) as playing:
            await playing.hear("ltx2_stream_start")
            for sign in (signal.SIGKILL, signal.SIGTERM):
                ends = routers.start()
                async with session(ends) as first:
                    token = (await place(first, 0, 1))["queue_token"]
                    async with session(keeps) as second:
                        await place(second, 1, 2)
                        ends.stop(sign)
                        async with session(keeps, queue_token=token) as back:
                            await place(back, 0, 2)


@pytest.mark.redis
async def test_a_shared_queue_is_fair_between_keys(
    tmp_path: Path, pod: Server, redis: RedisServer
) -> None:
    keys = tmp_path / "keys.yaml"
    written = [{"name": name, "key": key} for name, key in KEYS.items()]
    keys.write_text(yaml.safe_dump({"keys": written}))
    async with sharing(tmp_path, pod, redis, keys) as routers, AsyncExitStack() as stack:
        one, other = routers.start(), routers.start()

        async def come(router: Server, who: str, **init: object) -> Viewer:
            headers: dict[str, Any] = {"authorization": f"Bearer {KEYS[who]}"}
            viewer = await stack.enter_async_context(raw(router, **headers))
            await viewer.say("session_init_v2", **init)
            return viewer

        playing = await come(one, "alice")
        await playing.hear("ltx2_stream_start")
        many = []
        for number in range(3):
            many.append(await come(one, "alice"))
            token = (await place(many[number], number, number + 1))["queue_token"]
        few = await come(other, "bob")
        await place(few, 1, 4)
        await place(many[2], 3, 4)
        thief = await come(other, "bob", queue_token=token)
        await place(thief, 3, 5)  # behind its own first, not where alice was
        await place(many[2], 4, 5)
        await a_ticket_is_used_at_one_router_alone(one, other)


@pytest.mark.redis
async def test_what_a_key_allows_counts_at_all_routers_and_at_each_without_the_store(
    tmp_path: Path, pod: Server
) -> None:
    keys = tmp_path / "keys.yaml"
    limits: dict[str, dict[str, float]] = {
        "alice": {"max_sessions": 2},
        "bob": {"sessions_per_minute": 0.001},
    }
    written = [{"name": name, "key": KEYS[name]} | each for name, each in limits.items()]
    keys.write_text(yaml.safe_dump({"keys": written}))
    with redis_server(tmp_path) as redis:
        async with sharing(tmp_path, pod, redis, keys) as routers, AsyncExitStack() as stack:
            one, other = routers.start(), routers.start()

            async def come(router: Server, who: str) -> Viewer:
                headers: dict[str, Any] = {"authorization": f"Bearer {KEYS[who]}"}
                viewer = await stack.enter_async_context(raw(router, **headers))
                await viewer.say("session_init_v2")
                return viewer

            async def refused(router: Server, who: str) -> str:
                viewer = await come(router, who)
                (error,) = messages_of(await viewer.rest(), "error")
                assert (viewer.close_code, viewer.close_reason) == (1013, "key_limit")
                return str(error["message"])

            playing = await come(one, "alice")
            await playing.hear("ltx2_stream_start")
            second = await come(other, "alice")
            await second.hear("queue_status")
            assert "2 sessions at once" in await refused(one, "alice")
            assert "2 sessions at once" in await refused(other, "alice")
            bob = await come(one, "bob")
            await bob.hear("queue_status")
            bob.vanish()
            assert "0.001 new sessions a minute" in await refused(other, "bob")
            await playing.end()
            await second.hear("ltx2_stream_start")
            await comes_in(partial(come, one, "alice"))
            redis.stop()
            for router in (one, other):
                router.eventually(partial(limits_are_shared, router, False))
            await (await come(other, "alice")).hear("queue_status")
            assert "2 sessions at once" in await refused(other, "alice")
            with redis_server(tmp_path):
                for router in (one, other):
                    router.eventually(partial(limits_are_shared, router, True))
                assert "2 sessions at once" in await refused(one, "alice")


def limits_are_shared(router: Server, wanted: bool) -> bool:
    return router.get("/status").json()["limits_shared"] is wanted


async def comes_in(come: Callable[[], Awaitable[Viewer]]) -> None:
    """Who has left counts until the store has heard of it."""
    async with asyncio.timeout(PATIENCE_S):
        while "queue_status" not in kinds_of([await (await come()).next() or b""]):
            pass


def ticket_of(router: Server, who: str) -> str:
    bearer = {"authorization": f"Bearer {KEYS[who]}"}
    return str(httpx.post(f"{router.url}/v1/tickets", headers=bearer).json()["ticket"])


async def a_ticket_is_used_at_one_router_alone(one: Server, other: Server) -> None:
    shown: dict[str, Any] = {"sec-websocket-protocol": f"matinee.ticket.{ticket_of(one, 'bob')}"}
    async with raw(other, **shown) as viewer:
        await viewer.say("session_init_v2")
        await viewer.hear("queue_status")
        async with raw(one, **shown) as again:
            await again.say("session_init_v2")
            await again.rest()
    assert (again.close_code, again.close_reason) == (1013, "ticket_used")


@pytest.mark.redis
async def test_the_queue_goes_on_without_its_store_and_is_shared_again_afterwards(
    tmp_path: Path, pod: Server
) -> None:
    with redis_server(tmp_path) as redis:
        async with sharing(tmp_path, pod, redis) as routers:
            one, other = routers.start(), routers.start()
            async with session(one) as playing:
                await playing.hear("ltx2_stream_start")
                async with session(one) as first:
                    await place(first, 0, 1)
                    redis.stop()
                    one.eventually(lambda: one.get("/status").json()["queue_shared"] is False)
                    assert "this router's alone" in one.log.read_text()
                    async with session(one) as second:
                        await place(second, 1, 2)
                        with redis_server(tmp_path):
                            one.eventually(lambda: one.get("/status").json()["queue_shared"])
                            other.eventually(lambda: other.get("/status").json()["queue_shared"])
                            async with session(other) as third:
                                await place(third, 2, 3)
                            await playing.end()
                            await first.hear("ltx2_stream_start")
                            await first.end()
                            await second.hear("ltx2_stream_start")
                            await second.end()


def test_a_wrong_address_of_the_store_is_told_without_its_password(tmp_path: Path) -> None:
    wrong = routing(tmp_path, ["http://127.0.0.1:1"], queue={"store_url": "http://u:secret@h"})
    with pytest.raises(AssertionError) as caught, wrong:
        pass
    assert "router.queue.store_url" in str(caught.value)
    assert "secret" not in str(caught.value)
