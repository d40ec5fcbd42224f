"""How long a viewer's video stands still when its server is killed: 20 sessions of six segments of
the bundled model behind a router, each killed at a seeded moment, with warm spares. What came must
be, byte for byte, what an undisturbed session got.

    python benchmarks/router_failover.py
"""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import uvloop
from websockets.asyncio.client import ClientConnection, connect

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks._report import Figure, report
from benchmarks._server import ROOT

KILLS = 20
SEGMENTS = 6
SEED = 11
PROMPTS = tuple(f"a {colour} ball moving left" for colour in ("red", "blue", "green"))
COMMAND = [sys.executable, "-m", "matinee", "up", "-f", "examples/three-services.yaml", "--port=0"]


@dataclass
class Watched:
    """Video and when it came. `gap_s`: what the router says of the move. `due`: set when so many
    fragments have come as `kill_at` says."""

    video: list[bytes] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    gap_s: float | None = None
    kill_at: int | None = None
    due: asyncio.Event = field(default_factory=asyncio.Event)

    def came(self, fragment: bytes) -> None:
        self.video.append(fragment)
        self.times.append(time.monotonic())
        if self.kill_at is not None and len(self.video) > self.kill_at:
            self.due.set()

    def pause_s(self, killed: float) -> float:
        """From the kill to the next fragment: without it, up to a segment's time too."""
        return next(at for at in self.times if at > killed) - killed


def main() -> None:
    with fleet() as (url, process):
        uvloop.run(measure(url, process))


async def measure(url: str, process: psutil.Process) -> None:
    await session(url)  # every worker is warm, this router too
    began = time.monotonic()
    whole = await session(url)
    lasts_s = time.monotonic() - began
    chance, most = random.Random(SEED), len(whole.video) * (SEGMENTS - 1) // SEGMENTS  # noqa: S311
    pauses, gaps, same = [], [], 0
    for _ in range(KILLS):
        await until_all_are_ready(url)
        watched = Watched(kill_at=chance.randrange(most))
        later_s = chance.uniform(0, lasts_s / SEGMENTS)
        pauses.append(await killed_in(watched, later_s, url, process))
        gaps.append(watched.gap_s or 0.0)
        same += watched.video == whole.video
    conditions = {"kills": len(pauses), "same_bytes": same, "session_s": round(lasts_s, 2)}
    for name, values in (("pause of the video", pauses), ("until another server has it", gaps)):
        ordered = sorted(values)
        p95 = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
        report(name=f"router, a server is killed: {name}, p50", unit="s",
               ours=Figure(tuple(values)), target=2.0, conditions=conditions)  # fmt: skip
        report(name=f"router, a server is killed: {name}, p95", unit="s",
               ours=p95, target=2.0, conditions=conditions)  # fmt: skip
    if same < KILLS:
        raise RuntimeError(f"{KILLS - same} of {KILLS} sessions were not as the undisturbed one")


async def killed_in(watched: Watched, later_s: float, url: str, process: psutil.Process) -> float:
    """The pause, when the server is killed so long after the fragment that is due."""
    playing = asyncio.create_task(session(url, watched))
    await watched.due.wait()
    await asyncio.sleep(later_s)
    killed = time.monotonic()
    kill_the_one_that_plays(url, process)
    await playing
    return watched.pause_s(killed)


async def session(url: str, watched: Watched | None = None) -> Watched:
    """All segments, each asked for when the one before it is done."""
    watched = watched or Watched()
    address = url.replace("http:", "ws:") + "/v1/stream"
    async with connect(address, compression=None, max_size=None, ping_interval=None) as socket:
        await socket.send(json.dumps({"type": "session_init_v2", "seed": 5}))
        for index in range(SEGMENTS):
            prompt = PROMPTS[index % len(PROMPTS)]
            await socket.send(json.dumps({"type": "segment_prompt_source", "prompt": prompt}))
            await segment(socket, watched)
        await socket.send(json.dumps({"type": "session_end"}))
    return watched


async def segment(socket: ClientConnection, watched: Watched) -> None:
    init_next = False
    async for frame in socket:
        if isinstance(frame, bytes):
            if not init_next:
                watched.came(frame)
            init_next = False
            continue
        message = json.loads(frame)
        init_next = message["type"] == "media_init"
        if message["type"] == "session_migrated":
            watched.gap_s = message["gap_ms"] / 1000
        elif message["type"] == "error":
            raise RuntimeError(message["message"])
        elif message["type"] == "ltx2_segment_complete":
            return
    raise RuntimeError("the stream ended too early")


def kill_the_one_that_plays(url: str, process: psutil.Process) -> None:
    (playing,) = (one for one in asked(url, "/v1/backends")["backends"] if one["sessions"])
    port = int(playing["url"].rpartition(":")[2])
    (server,) = (
        child
        for child in process.children()
        if port in {one.laddr.port for one in child.net_connections("tcp")}
    )
    server.kill()


async def until_all_are_ready(url: str) -> None:
    while not all(one["takes_new"] for one in asked(url, "/v1/backends")["backends"]):  # noqa: ASYNC110
        await asyncio.sleep(0.2)


def asked(url: str, path: str) -> Any:
    with urllib.request.urlopen(url + path, timeout=30) as answer:  # noqa: S310 - our own
        return json.load(answer)


@contextmanager
def fleet() -> Iterator[tuple[str, psutil.Process]]:
    """The router's URL, and the process whose children are the servers."""
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(
            [*COMMAND, "--state-dir", folder],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        ) as process,
    ):  # fmt: skip
        try:
            line = process.stdout.readline() if process.stdout else ""
            yield (
                line.strip().removeprefix("ready: ").removesuffix("/player"),
                psutil.Process(process.pid),
            )
        finally:
            process.terminate()


if __name__ == "__main__":
    main()
