"""How long others wait while strangers attack, and how much memory that takes: `/healthz` on fresh
connections, and a viewer's video beyond its own rhythm.

    python benchmarks/hostile.py           five attacks, a minute
    python benchmarks/hostile.py --full    all of them, seven minutes
    python benchmarks/hostile.py "empty pings" ...

Ours is the command of the README, one server for all attacks, with its default settings. Each
attack is also done to an unprotected uvicorn (`_unprotected.py`), a fresh one each time. The
attackers are nice processes on the same machine: what they take of its processors is in the
figures.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks._report import package_versions, report
from benchmarks._server import ROOT
from tools.hostile import attacks
from tools.hostile.attackers import under
from tools.hostile.watching import Arrivals, Probe, memory_mb, p99, watch

SHORT = (
    attacks.NOBODY,
    "empty pings",
    "endless header lines",
    "WebP of 64 megapixels",
    "states of 33 large frames",
    "silent connections",
)
LEARN_S = 3.0
SAMPLE_S = 0.25
SETTLE_S = 1.0
"""After an attack, so that it is not counted as the next one's."""
OURS, UNPROTECTED = "benchmarks._paced_server", "benchmarks._unprotected"


@dataclass(frozen=True, slots=True)
class Harm:
    """`wait_ms`: the 99th percentile of the probes, or that of the video, whichever is worse."""

    probe_ms: float
    late_ms: float
    grown_mb: float

    @property
    def wait_ms(self) -> float:
        return max(self.probe_ms, self.late_ms)

    def __str__(self) -> str:
        return (
            f"/healthz {self.probe_ms:.0f} ms, video {self.late_ms:.0f} ms late, "
            f"{self.grown_mb:+.0f} MB"
        )


def main(arguments: Sequence[str]) -> None:
    full = "--full" in arguments
    names = [name for name in arguments if name != "--full"]
    names = names or list(attacks.ATTACKS if full else SHORT)
    attack_s = 6.0 if full else 2.5
    with server(OURS) as (url, pid):
        ours = asyncio.run(all_harm(url, pid, names, attack_s))
    peers = {name: unprotected(name, attack_s) for name in names}
    under_attack = [ours[name] for name in names if name != attacks.NOBODY]
    conditions = {
        "attack_s": attack_s,
        **{f"under {name}": f"{ours[name]}; unprotected {peers[name]}" for name in names},
        **package_versions("uvicorn", "websockets", "httptools"),
    }
    report(
        name=f"longest wait of others under {len(under_attack)} attacks, 99th percentile",
        unit="ms",
        ours=max(harm.wait_ms for harm in under_attack),
        target=100.0,
        conditions=conditions,
    )
    report(
        name=f"most memory that one of {len(under_attack)} attacks takes, server and children",
        unit="MB",
        ours=max(harm.grown_mb for harm in under_attack),
        target=200.0,
        conditions={"unprotected_mb": round(max(harm.grown_mb for harm in peers.values()))},
    )


def unprotected(name: str, attack_s: float) -> Harm:
    with server(UNPROTECTED) as (url, pid):
        return asyncio.run(all_harm(url, pid, [name], attack_s, settle_s=0))[name]


@contextmanager
def server(module: str) -> Iterator[tuple[str, int]]:
    """Its URL and process. It ends with the block."""
    command = [sys.executable, "-m", module]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            yield line.removeprefix("ready: ").strip().removesuffix("/player"), process.pid
        finally:
            process.kill()


async def all_harm(
    url: str, pid: int, names: Sequence[str], attack_s: float, settle_s: float = SETTLE_S
) -> dict[str, Harm]:
    """One viewer plays through all the attacks."""
    probe, arrivals = Probe(int(url.rpartition(":")[2])), Arrivals()
    watching = [asyncio.create_task(probe.run()), asyncio.create_task(viewer(url, arrivals))]
    try:
        await asyncio.sleep(LEARN_S)
        arrivals.learn()
        found = {}
        for name in names:
            found[name] = await harm(name, url, pid, probe, arrivals, attack_s)
            await asyncio.sleep(settle_s)
        return found
    finally:
        for task in watching:
            task.cancel()
        await asyncio.gather(*watching, return_exceptions=True)


async def harm(
    name: str, url: str, pid: int, probe: Probe, arrivals: Arrivals, attack_s: float
) -> Harm:
    before_mb = most_mb = memory_mb(pid)
    attacking = under(name, int(url.rpartition(":")[2]))
    await asyncio.to_thread(attacking.__enter__)
    try:
        probe.waits_ms()
        arrivals.late_ms(time.perf_counter())
        until = time.perf_counter() + attack_s
        while time.perf_counter() < until:
            await asyncio.sleep(SAMPLE_S)
            most_mb = max(most_mb, memory_mb(pid))
        waits, late = probe.waits_ms(), arrivals.late_ms(time.perf_counter())
    finally:
        attacking.__exit__(None, None, None)
    found = Harm(p99(waits), p99(late) if late else attack_s * 1000, most_mb - before_mb)
    print(f"{name}: {found}", file=sys.stderr, flush=True)
    return found


async def viewer(url: str, arrivals: Arrivals) -> None:
    """Comes back when it is closed, as a person would. Its absence is counted as late video."""
    while True:
        with contextlib.suppress(Exception):
            await watch(url, arrivals)
        await asyncio.sleep(0.1)


if __name__ == "__main__":
    main(sys.argv[1:])
