"""Whatever one stranger does at the door, others hardly wait for it, and it costs little memory."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.system.end_to_end.attacking import (
    WAIT_S,
    crowding,
    hardly_waited,
    silent_connections,
    waits_s,
)
from tests.system.end_to_end.conftest import StartFake
from tests.system.end_to_end.serving import Server
from tests.system.end_to_end.viewing import session
from tools.hostile.attacks import FLOODS, REQUESTS

MEMORY_BYTES = 60 * 2**20


@pytest.mark.parametrize("attack", [*FLOODS, *REQUESTS])
async def test_others_hardly_wait_for_an_attacker(narrow: Server, attack: str) -> None:
    memory = narrow.family()[0].memory_info().rss
    await hardly_waited(attack, narrow)
    assert narrow.family()[0].memory_info().rss < memory + MEMORY_BYTES
    narrow.wait_until_idle()
    async with session(narrow) as viewer:
        await viewer.segment("a ball")
        await viewer.end()
    assert viewer.close_code == 1000


def once(times: int = 1) -> Callable[[], bool]:
    """True so many times."""
    left = iter(range(times))
    return lambda: next(left, None) is not None


async def test_two_thousand_silent_connections_are_nothing(narrow: Server) -> None:
    files = narrow.family()[0].num_fds()
    with silent_connections(narrow.port, 2000):
        await waits_s(narrow.port, once())  # those before it are let in first
        waits = sorted(await waits_s(narrow.port, once(30)))
        assert narrow.family()[0].num_fds() <= files + 300, "those of one address make room"
        async with session(narrow) as viewer:
            await viewer.segment("a ball")
            await viewer.end()
    assert waits[len(waits) // 2] <= WAIT_S * crowding()
    narrow.eventually(lambda: narrow.family()[0].num_fds() <= files)


async def test_files_for_ourselves_are_left_whatever_connects(start_fake: StartFake) -> None:
    server = start_fake(under=["prlimit", "--nofile=256"])
    with silent_connections(server.port, 400):
        async with session(server) as viewer:
            await viewer.segment("a ball")
            await viewer.end()
    assert viewer.close_code == 1000
