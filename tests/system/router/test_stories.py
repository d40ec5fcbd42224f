"""What else may end under a viewer: its own network, its router, the store of sessions."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.servers.redis_server import redis_server
from tests.system.end_to_end.resuming import (
    PROMPTS,
    Seat,
    ask_all,
    back,
    saved,
    seated,
    undisturbed,
    watch,
)
from tests.system.end_to_end.serving import Server
from tests.system.end_to_end.viewing import messages_of, session
from tests.system.router.routing import know_slots, routing, sharing


async def test_a_viewer_comes_back_through_any_router_after_a_cut_or_the_end_of_its_own(
    tmp_path: Path,
) -> None:
    folders = [tmp_path / name for name in ("one", "other")]
    for folder in folders:
        folder.mkdir()
    with sharing(tmp_path, 2) as pods:
        whole, seat = await undisturbed(pods[1]), Seat()
        urls = [pod.url for pod in pods]
        with routing(folders[0], urls) as one, routing(folders[1], urls) as other:
            async with seated(one, seat, seed=5) as viewer:
                await ask_all(viewer)
                await watch(viewer, seat, fragments=2)
                await saved(viewer)
                viewer.vanish()
            async with back(other, seat) as viewer:
                await watch(viewer, seat, fragments=len(seat.fragments) + 3)
                await saved(viewer)
                other.stop(signal.SIGKILL)
            async with back(one, seat) as viewer:
                await watch(viewer, seat, done=len(PROMPTS))
    assert seat.fragments == whole


@pytest.mark.redis
async def test_sessions_play_on_while_redis_is_restarted_and_can_be_moved_afterwards(
    tmp_path: Path,
) -> None:
    """It comes back with nothing."""
    with redis_server(tmp_path) as redis:
        state = {"store": "redis", "url": redis.url}
        with sharing(tmp_path, 2, state=state) as pods:
            whole, urls = await undisturbed(pods[1]), [pod.url for pod in pods]
            with routing(tmp_path, urls, strategy="primary-first") as router:
                know_slots(router, urls)
                seat = Seat()
                async with seated(router, seat, seed=5) as viewer:
                    await viewer.ask(PROMPTS[0])
                    await watch(viewer, seat, done=1)
                    redis.stop()
                    await viewer.ask(PROMPTS[1])
                    await watch(viewer, seat, done=2)
                    with redis_server(tmp_path):
                        await until_reachable(pods[0])
                        await saved(viewer)
                        pods[0].stop(signal.SIGKILL)
                        await viewer.ask(PROMPTS[2])
                        await watch(viewer, seat, done=3)
                assert len(messages_of(viewer.items, "session_migrated")) == 1
    assert seat.fragments == whole


async def until_reachable(pod: Server) -> None:
    """Until new sessions can be resumed, and what is late is saved."""
    reachable = False
    while not reachable:
        async with session(pod) as newcomer:
            reachable = "notes" not in await newcomer.hear("gpu_assigned")
            if reachable:
                await newcomer.segment("this is saved after what was late")
                await saved(newcomer)
