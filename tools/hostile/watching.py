"""What somebody beside the attackers notices: how long `/healthz` takes, how video comes, and how
much memory the server and its children have.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles

import psutil

from matinee.client.stream_client import StreamClient

PROBE = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
PROBE_EVERY_S = 0.05
LONGEST_S = 60.0


class Probe:
    """Asks at an even pace, on fresh connections, whether earlier ones were answered or not: slow
    answers must not hide how many would have been slow."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._waits_s: list[float] = []
        self._asked: dict[int, float] = {}
        self._unanswered = 0

    async def run(self) -> None:
        """Until it is cancelled."""
        async with asyncio.TaskGroup() as asking:
            number = 0
            while True:
                asking.create_task(self._ask(number))
                number += 1
                await asyncio.sleep(PROBE_EVERY_S)

    def waits_ms(self) -> list[float]:
        """Since the last call; those that still wait, as long as they have so far."""
        now = time.perf_counter()
        waits = self._waits_s + [now - asked for asked in self._asked.values()]
        self._waits_s = []
        return [wait * 1000 for wait in waits]

    async def _ask(self, number: int) -> None:
        """No answer counts as the longest wait."""
        began = self._asked[number] = time.perf_counter()
        answered = False
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(LONGEST_S):
                answered = await self._answered()
        del self._asked[number]
        self._waits_s.append(time.perf_counter() - began if answered else LONGEST_S)

    async def _answered(self) -> bool:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            writer.write(PROBE)
            return (await reader.read()).startswith(b"HTTP/1.1 200 ")
        finally:
            writer.close()


@dataclass
class Arrivals:
    """When pieces of video came. Each place in a segment has a rhythm of its own: what it waited
    for in calm times."""

    gaps_s: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    rhythm_s: dict[int, float] = field(default_factory=dict)
    last: float | None = None
    place: int = 0

    def begin_segment(self) -> None:
        self.place = 0

    def came(self, now: float) -> None:
        if self.last is not None:
            self.gaps_s[self.place].append(now - self.last)
        self.last = now
        self.place += 1

    def learn(self) -> None:
        """Take what came so far as the rhythm."""
        self.rhythm_s = {place: median(gaps) for place, gaps in self.gaps_s.items()}
        self.gaps_s.clear()

    def late_ms(self, now: float) -> list[float]:
        """How much later than its rhythm each piece came, since the last call. One that is still
        out counts with what it waited so far."""
        slowest = max(self.rhythm_s.values(), default=0.0)
        late = [
            max(0.0, gap - self.rhythm_s.get(place, slowest)) * 1000
            for place, gaps in self.gaps_s.items()
            for gap in gaps
        ]
        if self.last is not None:
            late.append(max(0.0, now - self.last - slowest) * 1000)
        self.gaps_s.clear()
        return late


async def watch(url: str, arrivals: Arrivals) -> None:
    """Until it is cancelled or the server ends it."""
    init = {"loop_generation_enabled": True, "curated_prompts": ["a red ball moving left"]}
    async with StreamClient.connect(url, init=init) as stream:
        async for item in stream:
            if isinstance(item, bytes):
                arrivals.came(time.perf_counter())
            elif item["type"] == "ltx2_segment_start":
                arrivals.begin_segment()
    raise RuntimeError(f"the viewer was closed: {stream.close_code} {stream.close_reason}")


def memory_mb(pid: int) -> float:
    """Of the process and all its children; what they share counts once. 0 when it is gone."""
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0.0
    return sum(_share_bytes(one.pid) for one in family) / 1e6


def _share_bytes(pid: int) -> int:
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    sizes = dict(line.split()[:2] for line in rollup.splitlines()[1:])
    return int(sizes.get("Pss:", 0)) * 1024


def p99(values: list[float]) -> float:
    return quantiles(values, n=100, method="inclusive")[98] if len(values) > 1 else values[0]


def starts_at_s(fragment: bytes, timescale: int) -> float:
    """When a fragment's first track begins, in the session's time."""
    at = fragment.index(b"tfdt")
    version = fragment[at + 4]
    form, size = ("!Q", 8) if version else ("!I", 4)
    (ticks,) = struct.unpack(form, fragment[at + 8 : at + 8 + size])
    return float(ticks) / timescale
