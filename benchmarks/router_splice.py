"""What the router's process spends on forwarding video: CPU for each GB of frames of 64 KiB to 50
viewers at once, beside HAProxy (Debian's, one thread, default buffers) between the same processes;
memory for each idle session; and how soon the router is ready.

    python benchmarks/router_splice.py
"""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import uvloop
from websockets.frames import Frame, Opcode

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks._frame_source import FRAME, FRAME_BYTES
from benchmarks._report import package_versions, report, take_turns
from benchmarks._server import ROOT

VIEWERS = 50
FRAMES = 160
"""For each viewer and turn: half a GB for all."""
TURNS = 5
IDLE = 500
HANDSHAKE = (
    b"GET /v1/stream HTTP/1.1\r\nhost: 127.0.0.1\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
    b"sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
HAPROXY = """
global
    nbthread 1
    maxconn 4000
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    timeout tunnel 1h
frontend viewers
    bind 127.0.0.1:{port}
    default_backend pods
backend pods
    server pod {pod}
"""


def main() -> None:
    conditions = {
        "viewers": VIEWERS,
        "frame_bytes": FRAME_BYTES,
        **package_versions("uvloop", "websockets"),
    }
    with (
        source() as pod,
        tempfile.TemporaryDirectory() as folder,
        router(pod, folder) as (port, process, ready_s),
    ):
        idle_kb, rss_mb = uvloop.run(idle_memory(port, process))
        report(name="router, memory for each idle session", unit="KB", ours=idle_kb, target=8.0,
               conditions={"sessions": IDLE})  # fmt: skip
        report(name="router, resident memory before the first viewer", unit="MB", ours=rss_mb,
               target=60.0, conditions={})  # fmt: skip
        report(name="router, start to ready", unit="s", ours=ready_s, target=1.0, conditions={})
        with haproxy(pod, folder) as peer:
            beside_haproxy((port, process), peer, conditions)


def beside_haproxy(
    ours: tuple[int, psutil.Process],
    peer: tuple[int, psutil.Process] | None,
    conditions: dict[str, object],
) -> None:
    if peer is None:
        print("haproxy is not installed: nothing to compare with", file=sys.stderr)
        return
    mine, theirs = take_turns(TURNS, lambda: cpu_s_per_gb(*ours), lambda: cpu_s_per_gb(*peer))
    report(
        name="router, CPU for each GB of 64 KiB frames to 50 viewers, beside HAProxy",
        unit="s",
        ours=mine,
        peer=theirs,
        target=0.6,
        conditions=conditions,
    )


@contextmanager
def source() -> Iterator[str]:
    """Its address."""
    command = [sys.executable, "-m", "benchmarks._frame_source"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process.stdout.readline().strip() if process.stdout else ""
        finally:
            process.kill()


@contextmanager
def router(pod: str, folder: str) -> Iterator[tuple[int, psutil.Process, float]]:
    """Its port, its process and how soon it listened."""
    config = Path(folder) / "router.yaml"
    # Plain TCP viewers of one address, of which each takes a slot of a backend that tells none.
    limits = {"connections_per_address": 0}
    settings = {"port": 0, "replicas": [{"url": pod}], "strategy": "weighted", "limits": limits}
    config.write_text(json.dumps({"router": settings}))
    command = [sys.executable, "-m", "matinee", "router-serve", "--config", str(config)]
    began = time.perf_counter()
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            port = int(line.strip().removesuffix("/player").rpartition(":")[2])
            wait_until_ready(port)
            ready_s = time.perf_counter() - began
            yield port, psutil.Process(process.pid), ready_s
        finally:
            process.kill()


def wait_until_ready(port: int) -> None:
    """Viewers that come before would be told that they are queued."""
    while True:
        with suppress(urllib.error.HTTPError):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=10).close()
            return


@contextmanager
def haproxy(pod: str, folder: str) -> Iterator[tuple[int, psutil.Process] | None]:
    program = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin")
    if program is None:
        yield None
        return
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = Path(folder) / "haproxy.cfg"
    config.write_text(HAPROXY.format(port=port, pod=pod.removeprefix("http://")))
    with subprocess.Popen([program, "-db", "-f", str(config)], stderr=subprocess.DEVNULL) as one:
        try:
            yield port, psutil.Process(one.pid)
        finally:
            one.kill()


def cpu_s_per_gb(port: int, process: psutil.Process) -> float:
    before = sum(process.cpu_times()[:2])
    uvloop.run(watch_all(port))
    spent = sum(process.cpu_times()[:2]) - before
    return float(spent / (VIEWERS * FRAMES * len(FRAME) / 1e9))


async def watch_all(port: int) -> None:
    await asyncio.gather(*(watch(port) for _ in range(VIEWERS)))


async def watch(port: int) -> None:
    """One viewer, which reads and throws away."""
    reader, writer = await opened(port, FRAMES)
    left = FRAMES * len(FRAME)
    while left > 0:
        data = await reader.read(2**18)
        if not data:
            raise RuntimeError("the stream ended too early")
        left -= len(data)
    writer.transport.abort()


async def opened(port: int, frames: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A session whose first message asks for so many frames."""
    for _ in range(100):  # HAProxy may not listen yet
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**18)
            break
        except ConnectionRefusedError:
            await asyncio.sleep(0.05)
    writer.write(HANDSHAKE)
    await reader.readuntil(b"\r\n\r\n")
    writer.write(Frame(Opcode.TEXT, str(frames).encode()).serialize(mask=True))
    return reader, writer


async def idle_memory(port: int, process: psutil.Process) -> tuple[float, float]:
    """KB for each session that was shown one frame, and MB before all."""
    rss_mb = process.memory_info().rss / 1e6
    warm = [await opened(port, 1) for _ in range(50)]
    await asyncio.gather(*(reader.readexactly(len(FRAME)) for reader, _ in warm))
    before = process.memory_info().rss
    idle = [await opened(port, 1) for _ in range(IDLE)]
    await asyncio.gather(*(reader.readexactly(len(FRAME)) for reader, _ in idle))
    grown_kb = (process.memory_info().rss - before) / 1024
    for _, writer in (*warm, *idle):
        writer.transport.abort()
    return grown_kb / IDLE, rss_mb


if __name__ == "__main__":
    main()
