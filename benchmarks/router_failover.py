"""How long a viewer's video stands still when its server is killed: 20 sessions of six segments of
the bundled model behind a router, each killed at a seeded moment, with warm spares. What came must
be, byte for byte, what an undisturbed session got. Then the same with eight sessions at once.

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
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import uvloop
import yaml
from websockets.asyncio.client import ClientConnection, connect

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks._report import Figure, report
from benchmarks._server import ROOT

KILLS = 20
SEGMENTS = 6
AT_ONCE = 8
KILLS_OF_MANY = 3
SLOTS = 8
"""Of each server: two of the three have room for all."""
SEED = 11
PROMPTS = tuple(f"a {colour} ball moving left" for colour in ("red", "blue", "green"))
EXAMPLE = ROOT / "examples" / "three-services.yaml"


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
    await one_by_one(url, process)
    await many_at_once(url, process)


async def one_by_one(url: str, process: psutil.Process) -> None:
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
    told("a server is killed: pause of the video", pauses, conditions)
    told("a server is killed: until another server has it", gaps, conditions)
    if same < KILLS:
        raise RuntimeError(f"{KILLS - same} of {KILLS} sessions were not as the undisturbed one")


def told(name: str, values: list[float], conditions: Mapping[str, object]) -> None:
    ordered = sorted(values)
    p95 = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
    for rank, value in (("p50", Figure(tuple(values))), ("p95", p95)):
        report(name=f"router, {name}, {rank}", unit="s", ours=value, target=2.0,
               conditions=conditions)  # fmt: skip


async def many_at_once(url: str, process: psutil.Process) -> None:
    """Killed is a server with at least one of the sessions; all are as the undisturbed one. Two
    cores make the video of all, so a pause says more of them than of the router."""
    whole, chance = await session(url), random.Random(SEED)  # noqa: S311
    gaps, same = [], 0
    for _ in range(KILLS_OF_MANY):
        await until_all_are_ready(url)
        watching = [Watched() for _ in range(AT_ONCE)]
        watching[0].kill_at = chance.randrange(len(whole.video) * (SEGMENTS - 1) // SEGMENTS)
        playing = [asyncio.create_task(session(url, one)) for one in watching]
        await watching[0].due.wait()
        kill_the_one_that_plays(url, process)
        await asyncio.gather(*playing)
        gaps += [one.gap_s for one in watching if one.gap_s is not None]
        same += sum(one.video == whole.video for one in watching)
    all_of_them = KILLS_OF_MANY * AT_ONCE
    conditions = {"kills": KILLS_OF_MANY, "sessions": all_of_them, "moved": len(gaps)}
    told(f"a server of {AT_ONCE} sessions is killed: until another server has one",
         gaps, {**conditions, "same_bytes": same})  # fmt: skip
    if same < all_of_them or not gaps:
        raise RuntimeError(f"{same} of {all_of_them} sessions were as the undisturbed one")


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
    """The one with the most sessions."""
    backends = asked(url, "/v1/backends")["backends"]
    playing = max(backends, key=lambda one: one["sessions"])
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
            [sys.executable, "-m", "matinee", "up", "-f", str(resources(Path(folder))),
             "--port=0", "--state-dir", f"{folder}/state"],
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


def resources(folder: Path) -> Path:
    """The example, with more slots."""
    found = list(yaml.safe_load_all(EXAMPLE.read_text()))
    for one in found:
        if one["kind"] == "StreamingService":
            one["spec"]["sessions"]["maxPerPod"] = SLOTS
    file = folder / EXAMPLE.name
    file.write_text(yaml.safe_dump_all(found))
    return file


if __name__ == "__main__":
    main()
