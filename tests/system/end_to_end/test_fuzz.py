"""Nonsense by the thousand: mutations of valid messages, random JSON, broken frames.

Whatever comes, every connection ends with a close frame, and the server is afterwards as it was.
A failing seed is in the assertion's message: a session is made from it alone.
"""

from __future__ import annotations

import asyncio
import random

from tests.system.end_to_end.conftest import StartFake
from tests.system.end_to_end.nonsense import Script, script
from tests.system.end_to_end.serving import PATIENCE_S, Server
from tests.system.end_to_end.viewing import session
from tests.system.end_to_end.wire_level import NO_CLOSE_FRAME, WireLevelClient

MESSAGES = 100_000
AT_ONCE = 16
SEED = 20261123
GROWTH_BYTES = 32 * 2**20
"""What the allocator holds free goes up and down by half of this; what is alive does not."""
GROWTH_OBJECTS = 1000
"""Far fewer than the sessions in between."""
CODES = {1000, 1002, 1003, 1007, 1008, 1009, 1013}


async def test_no_message_breaks_the_server(start_fake: StartFake) -> None:
    server = start_fake(
        max_sessions=8,
        generation_segment_cap=3,
        state={"max_states": 16},  # else they are what grows, up to their bound
        limits={"message_bytes": 20_000, "initial_image_bytes": 10_000},
    )
    # The first half fills caches and the allocator's free lists; a leak goes on.
    await _play_all(server, random.Random(SEED), MESSAGES // 2)  # noqa: S311 - not for secrets
    await _settled(server)
    tasks, files = server.count("tasks"), server.family()[0].num_fds()
    objects = server.count("objects")
    memory = [process.memory_info().rss for process in server.family()]

    await _play_all(server, random.Random(SEED + 1), MESSAGES // 2)  # noqa: S311

    await _settled(server)
    server.eventually(lambda: server.count("tasks") <= tasks)
    assert server.count("objects") < objects + GROWTH_OBJECTS
    server.eventually(lambda: server.family()[0].num_fds() <= files)
    growth = [
        process.memory_info().rss - before
        for process, before in zip(server.family(), memory, strict=True)
    ]
    assert max(growth) < GROWTH_BYTES
    assert server.metric("matinee_worker_restarts_total") == 0
    log = server.log.read_text()
    assert '"level": "error"' not in log, log[-3000:]
    assert "failed" not in log


async def _play_all(server: Server, rng: random.Random, messages: int) -> None:
    """Several connections at a time, until there were so many messages."""
    left = messages

    async def keep_playing() -> None:
        nonlocal left
        while left > 0:
            seed = rng.getrandbits(32)
            one = script(seed)
            left -= len(one.frames)
            await _play(server, one, seed)

    async with asyncio.TaskGroup() as players:
        for _ in range(AT_ONCE):
            players.create_task(keep_playing())


async def _play(server: Server, one: Script, seed: int) -> None:
    async with asyncio.timeout(PATIENCE_S):
        client = await WireLevelClient.connect(server.port)
        try:
            code = await client.play(one.frames, vanish=one.vanishes)
        finally:
            client.abort()
    allowed = CODES | {NO_CLOSE_FRAME} if one.vanishes or one.breaks_rules else CODES
    assert code in allowed, f"seed {seed}: close code {code}"


async def _settled(server: Server) -> None:
    """Nobody is served any more, and a new viewer still is."""
    await asyncio.to_thread(server.wait_until_idle)
    async with session(server) as viewer:
        await viewer.segment("a ball")
        await viewer.end()
    await asyncio.to_thread(server.wait_until_idle)
