"""The operator as a process on a real API server, and what can be seen of it from outside."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import psutil

from tests.servers.ports import free_port

WRITES = ("post", "patch", "delete")
"""Verbs of requests that change objects. The Lease, which is renewed with `put`, is not counted."""


@dataclass(frozen=True, slots=True)
class Sample:
    """`counters`: the lines of `/metrics`."""

    cpu_s: float
    rss_mb: float
    counters: dict[str, float]

    def total(self, name: str) -> float:
        """Over all labels of a counter."""
        return sum(
            value
            for line, value in self.counters.items()
            if line.partition("{")[0] == f"matinee_operator_{name}"
        )

    @property
    def write_requests(self) -> int:
        asked = 'matinee_operator_api_requests_total{verb="%s"}'
        return int(sum(self.counters.get(asked % verb, 0.0) for verb in WRITES))


@dataclass(slots=True)
class Operator:
    process: psutil.Process
    metrics_url: str
    session: aiohttp.ClientSession

    async def sample(self) -> Sample:
        times, memory = self.process.cpu_times(), self.process.memory_info()
        async with self.session.get(self.metrics_url) as answer:
            counters = _parsed(await answer.text())
        return Sample(times.user + times.system, memory.rss / 1e6, counters)


def _parsed(text: str) -> dict[str, float]:
    lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in lines}


@asynccontextmanager
async def running_operator(
    kubeconfig: Path, folder: Path, resync_s: int
) -> AsyncIterator[Operator]:
    """Ready when the block begins."""
    port = free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "KUBECONFIG": str(kubeconfig),
        "MATINEE_OPERATOR_KEY": "0123456789abcdef",
        "MATINEE_NAMESPACE": "default",
        "MATINEE_IDENTITY": "benchmark",
        "MATINEE_HEALTH_PORT": str(port),
        "MATINEE_RESYNC_SECONDS": str(resync_s),
    }
    command = (sys.executable, "-m", "matinee_operator")
    with (folder / "operator.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=log)
    try:
        async with aiohttp.ClientSession() as session:
            await _ready(session, f"http://127.0.0.1:{port}/readyz", process)
            url = f"http://127.0.0.1:{port}/metrics"
            yield Operator(psutil.Process(process.pid), url, session)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _ready(
    session: aiohttp.ClientSession, url: str, process: asyncio.subprocess.Process
) -> None:
    while process.returncode is None:
        try:
            async with session.get(url) as answer:
                if answer.status == 200:
                    return
        except aiohttp.ClientConnectionError:
            pass
        await asyncio.sleep(0.1)
    raise RuntimeError("the operator ended; its log is beside the kubeconfig")
