"""What the router takes before and without any work: time until it lets viewers in, memory before
the first one and for each session that only stays.

    python benchmarks/router_idle.py
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

import psutil
import uvloop

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks._report import report
from benchmarks._routed import HANDSHAKE, Program, question, router, source

WARM, IDLE = 50, 500
FRAME_BYTES = 64 * 1024
ANSWER_BYTES = 10 + FRAME_BYTES


def main() -> None:
    with source() as pod, tempfile.TemporaryDirectory() as folder, router(pod, folder) as ours:
        idle_kb, rss_mb = uvloop.run(memory(ours))
    report(name="router, memory for each idle session", unit="KB", ours=idle_kb, target=8.0,
           conditions={"sessions": IDLE})  # fmt: skip
    report(name="router, resident memory before the first viewer", unit="MB", ours=rss_mb,
           target=60.0, conditions={})  # fmt: skip
    report(name="router, start to ready", unit="s", ours=ours.ready_s, target=1.0, conditions={})


async def memory(program: Program) -> tuple[float, float]:
    """KB for each session that was shown one frame, and MB before all."""
    process = psutil.Process(program.pid)
    rss_mb = process.memory_info().rss / 1e6
    warm = [await shown_one(program.port) for _ in range(WARM)]
    before = process.memory_info().rss
    idle = [await shown_one(program.port) for _ in range(IDLE)]
    grown_kb = (process.memory_info().rss - before) / 1024
    for writer in (*warm, *idle):
        writer.transport.abort()
    return grown_kb / IDLE, rss_mb


async def shown_one(port: int) -> asyncio.StreamWriter:
    """A session that has got its frame."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(HANDSHAKE)
    await reader.readuntil(b"\r\n\r\n")
    writer.write(question(1, FRAME_BYTES))
    await reader.readexactly(ANSWER_BYTES)
    return writer


if __name__ == "__main__":
    main()
