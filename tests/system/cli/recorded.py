"""`matinee stream -o FILE` in this process, and a scripted server for it."""

from __future__ import annotations

import argparse
import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from matinee.cli import stream
from tests.system.player.scripted_server import Script, ScriptedSession, scripted_server


@contextmanager
def serving(script: Script) -> Iterator[str]:
    """A scripted server in a thread of its own: the command runs its own event loop."""
    started: list[str] = []
    ready, over = threading.Event(), threading.Event()

    async def serve() -> None:
        async with scripted_server(script) as url:
            started.append(url)
            ready.set()
            await asyncio.to_thread(over.wait)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    ready.wait(10)
    try:
        yield started[0]
    finally:
        over.set()
        thread.join()


def record(url: str, output: Path | str, *words: str) -> int:
    parser = argparse.ArgumentParser()
    stream.add_parser(parser.add_subparsers())
    args = parser.parse_args(["stream", url, "-o", str(output), *words])
    return stream.run(args, [])


async def two_seconds(session: ScriptedSession) -> None:
    await session.open()
    await session.begin_segment()
    await session.end_segment(frames=16)
