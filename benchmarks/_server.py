"""A server as a benchmark sees it: the command of the README in a process of its own."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from matinee.client.server_text import Message
from matinee.client.stream_client import StreamClient

ROOT = Path(__file__).resolve().parents[1]
COMMAND = [sys.executable, "-m", "matinee", "up", "-f", "examples/quickstart.yaml", "--port", "0"]
PROMPT = "a red ball moving left on a blue background"


@dataclass(frozen=True, slots=True)
class Server:
    """`ready_s`: from its start to the line that says so."""

    url: str
    pid: int
    ready_s: float


@contextmanager
def quickstart_server(*words: str) -> Iterator[Server]:
    """Serves the bundled model; ends with the block. `words`: more of the command line."""
    started = time.perf_counter()
    process = subprocess.Popen(
        [*COMMAND, *words], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    with process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            if not line.startswith("ready: "):
                raise RuntimeError(f"the server is not ready; see what {' '.join(COMMAND)} says")
            url = line.removeprefix("ready: ").strip().removesuffix("/player")
            yield Server(url, process.pid, time.perf_counter() - started)
        finally:
            process.terminate()


async def watch_segment(stream: StreamClient) -> Message:
    """See a segment that was asked for to its end."""
    return await watch_until(stream, "ltx2_segment_complete")


async def watch_until(stream: StreamClient, kind: str) -> Message:
    """The next message of that type."""
    async for item in stream:
        if not isinstance(item, bytes) and item["type"] == kind:
            return item
    raise RuntimeError(f"the server ended the session: {stream.close_reason}")


async def watch_session(url: str, segments: int) -> None:
    async with StreamClient.connect(url, init={"seed": 7}) as stream:
        for _ in range(segments):
            async with asyncio.timeout(300):
                await stream.send_prompt(PROMPT)
                await watch_segment(stream)
