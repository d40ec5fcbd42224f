"""What strangers bring along, many at once: others hardly wait, and memory comes back."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.places import ROOT
from tests.system.end_to_end.attacking import WAIT_S, crowding, waits_s
from tests.system.end_to_end.baggage import BAGGAGE, SENDERS
from tests.system.end_to_end.serving import (
    Server,
    fake_server,
    memory_bytes_of,
    running,
    words_of,
)
from tests.system.end_to_end.viewing import raw, session

MEMORY_BYTES = 200 * 2**20
LEFT_BYTES = 40 * 2**20
"""Of an allocator's own; nothing that grows from round to round."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(fake_server(), tmp_path_factory.mktemp("baggage") / "log") as server:
        yield server


def memory_bytes(server: Server) -> int:
    """Of the server and its children. One that is just being started (vfork) and is no program of
    its own yet shares all of its parent's."""
    first, *children = server.family()
    parent = words_of(first)
    return memory_bytes_of([first, *(one for one in children if words_of(one) != parent)])


@pytest.mark.parametrize("what", BAGGAGE)
async def test_others_hardly_wait_and_memory_is_bounded(server: Server, what: str) -> None:
    before = memory_bytes(server)
    module = "tests.system.end_to_end.baggage"
    senders = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module, str(server.port), what),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    said = asyncio.create_task(senders.communicate())
    memory = [before]

    def goes_on() -> bool:
        memory.append(memory_bytes(server))
        return not said.done()

    waits = sorted(await waits_s(server.port, goes_on))
    answers = json.loads((await said)[0])
    assert len(answers) == SENDERS
    assert all(BAGGAGE[what].says in answer for answer in answers), answers
    assert waits[len(waits) * 9 // 10] <= WAIT_S * crowding()
    assert max(memory) <= before + MEMORY_BYTES
    server.eventually(lambda: memory_bytes(server) <= before + LEFT_BYTES)
    async with session(server) as viewer:
        await viewer.segment("a ball")
        await viewer.end()
    assert viewer.close_code == 1000


async def test_the_server_ends_in_time_while_it_decodes(tmp_path: Path) -> None:
    with running(fake_server(), tmp_path / "log") as server:
        slow = BAGGAGE["JPEGs of many scans"].message()
        async with raw(server) as viewer:
            await viewer.socket.send(slow)
            await viewer.hear("queue_status")
            assert await asyncio.to_thread(server.stop) == 0
