"""Processes that share a folder of states. Prints what becomes of it.

`two holders`: one claims and saves, another takes the session over. `killed`: a process that saves
is killed before its first step, its second, ... until one is through; in each case the folder is as
it was after an earlier save.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from matinee.errors import LeaseLost
from matinee.store.base import Lease
from matinee.store.files import FileStore
from tests.unit.runtime.store.making import bounds, save, saved_by, segments_of

OLD, NEW = 1, 2


def main() -> None:
    story, folder = sys.argv[1], Path(sys.argv[2])
    {"two holders": two_holders, "killed": killed}[story](folder)


def say(line: str) -> None:
    os.write(1, f"{line}\n".encode())  # unbuffered, for what a child says


def opened(folder: Path) -> FileStore:
    return FileStore(folder / "states", bounds(ttl_s=3600, history_states=1))


def two_holders(folder: Path) -> None:
    store = FileStore(folder / "states", bounds(ttl_s=3600))
    first = asyncio.run(store.claim("s1", "first"))
    asyncio.run(_tell("first saves 1", save(store, first, 1)))
    in_a_child(lambda: asyncio.run(_tell("second claims", store.claim("s1", "second"))))
    asyncio.run(_tell("first saves 2", save(store, first, 2)))
    in_a_child(lambda: asyncio.run(_take_over_and_save(store)))
    say(f"history: {asyncio.run(segments_of(store, 's1'))}")


async def _take_over_and_save(store: FileStore) -> None:
    lease = await store.claim("s1", "second")
    await _tell("second saves 3", save(store, lease, 3))


async def _tell(what: str, attempt: Awaitable[object]) -> None:
    try:
        await attempt
        say(f"{what}: ok")
    except LeaseLost as error:
        say(f"{what}: {error}")


def killed(folder: Path) -> None:
    lease = asyncio.run(saved_by(opened(folder / "before"), "s1", OLD))
    step, line = 0, ""
    while not line.startswith("finished"):
        step += 1
        line = _killed_at(step, folder / "before", folder / "now", lease)
        say(line)


def _killed_at(step: int, before: Path, now: Path, lease: Lease) -> str:
    shutil.copytree(before, now)
    reached = now / "step"

    def work() -> None:
        _die_at(step, now / "states", reached)
        asyncio.run(save(opened(now), lease, NEW, 100_000))

    through = in_a_child(work) == 0
    saved = asyncio.run(opened(now).load("s1"))
    found = {OLD: "old", NEW: "new"}.get(saved.segment) if saved else "neither"
    event = "finished" if through else reached.read_text()
    asyncio.run(saved_by(opened(now), "s1", NEW + 1))  # no lock is in the way
    shutil.rmtree(now)
    return f"{event}: {found}"


def _die_at(step: int, watched: Path, reached: Path) -> None:
    """Before the step-th thing that is done to the folder."""
    steps = 0
    descriptor = os.open(reached, os.O_CREAT | os.O_WRONLY)

    def before(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal steps
        if event == "fcntl.flock" or str(watched) in str(arguments):
            steps += 1
            if steps == step:
                os.write(descriptor, event.encode())
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(before)


def in_a_child(work: Callable[[], object]) -> int:
    """0, or the signal that ended it."""
    child = os.fork()
    if child == 0:
        work()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


if __name__ == "__main__":
    main()
