"""What the benchmarks of the router share: the programs that stand between one source of video and
its viewers (ours, HAProxy, a router of the reference's kind), each in a process of its own."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from websockets.frames import Frame, Opcode

from benchmarks._server import ROOT

HANDSHAKE = (
    b"GET /v1/stream HTTP/1.1\r\nhost: 127.0.0.1\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
    b"sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    b"sec-websocket-extensions: permessage-deflate; client_max_window_bits\r\n\r\n"
)
"""A browser's, which offers to have everything compressed."""
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


@dataclass(frozen=True, slots=True)
class Program:
    """`ready_s`: from its start until it would let viewers in."""

    port: int
    pid: int
    ready_s: float = 0.0


def question(frames: int, frame_bytes: int) -> bytes:
    """The message that asks the source for so many frames."""
    return Frame(Opcode.TEXT, f"{frames} {frame_bytes}".encode()).serialize(mask=True)


@contextmanager
def source() -> Iterator[str]:
    """Its address."""
    with printing([sys.executable, "-m", "benchmarks._frame_source"]) as (_, line):
        yield line


@contextmanager
def router(pod: str, folder: str) -> Iterator[Program]:
    config = Path(folder) / "router.yaml"
    # Viewers of one address that say much, of which each takes a slot of a backend that tells none.
    limits = {"connections_per_address": 0, "streams_per_second": 0, "frames_per_second": 100_000}
    settings = {"port": 0, "replicas": [{"url": pod}], "strategy": "weighted", "limits": limits}
    config.write_text(json.dumps({"router": settings}))
    began = time.perf_counter()
    command = [sys.executable, "-m", "matinee", "router-serve", "--config", str(config)]
    with printing(command) as (process, line):
        port = port_of(line.removesuffix("/player"))
        wait_until_ready(port)
        yield Program(port, process.pid, time.perf_counter() - began)


@contextmanager
def reference_router(pod: str) -> Iterator[Program]:
    command = [sys.executable, "-m", "benchmarks._reference_router", pod]
    with printing(command) as (process, line):
        yield Program(port_of(line), process.pid)


@contextmanager
def haproxy(pod: str, folder: str) -> Iterator[Program | None]:
    """None where it is not installed."""
    program = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin")
    if program is None:
        print("haproxy is not installed: nothing to compare with", file=sys.stderr)
        yield None
        return
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = Path(folder) / "haproxy.cfg"
    config.write_text(HAPROXY.format(port=port, pod=pod.removeprefix("http://")))
    with subprocess.Popen([program, "-db", "-f", str(config)], stderr=subprocess.DEVNULL) as one:
        try:
            wait_until_open(port)
            yield Program(port, one.pid)
        finally:
            one.kill()


def wait_until_open(port: int) -> None:
    while True:
        with suppress(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port)).close()
            return
        time.sleep(0.01)


def wait_until_ready(port: int) -> None:
    """Viewers that come before would be told that they are queued."""
    while True:
        with suppress(urllib.error.HTTPError):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=10).close()
            return


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


@contextmanager
def printing(command: Sequence[str]) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A program and the first line that it prints; it ends with the block."""
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            yield process, process.stdout.readline().strip() if process.stdout else ""
        finally:
            process.kill()
