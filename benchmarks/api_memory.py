"""Memory of the process that viewers talk to, after a session. torch lives in another one."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import psutil

from benchmarks._report import report
from benchmarks._server import quickstart_server, watch_session

SEGMENTS = 4


def main() -> None:
    with quickstart_server() as server:
        process = psutil.Process(server.pid)
        idle = process.memory_info().rss
        asyncio.run(watch_session(server.url, SEGMENTS))
        used = process.memory_info().rss
    report(
        name="API process, resident memory after a session",
        unit="MB",
        ours=used / 1e6,
        target=200.0,
        conditions={"segments": SEGMENTS, "before_the_session_mb": round(idle / 1e6, 1)},
    )


if __name__ == "__main__":
    main()
