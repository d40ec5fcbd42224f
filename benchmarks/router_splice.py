"""What the router's process spends on forwarding video: CPU for each GB of frames of 64 KiB to 50
viewers at once. Beside HAProxy (Debian's, one thread, default buffers) and a router of the
reference's kind, which compresses what browsers offer to take compressed, between the same
processes.

    python benchmarks/router_splice.py
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import cast

import uvloop

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks._report import Figure, cpu_s, package_versions, report, take_turns
from benchmarks._routed import (
    HANDSHAKE,
    Program,
    haproxy,
    question,
    reference_router,
    router,
    source,
)

VIEWERS = 50
FRAME_BYTES = 64 * 1024
FRAMES, FEW_FRAMES = 100, 6
"""For each viewer and turn: 330 MB for all; and 20 MB for who compresses them."""
TURNS = 11
THROWN_AWAY = memoryview(bytearray(2**20))


def main() -> None:
    with (
        source() as pod,
        tempfile.TemporaryDirectory() as folder,
        router(pod, folder) as ours,
        reference_router(pod) as reference,
        haproxy(pod, folder) as proxy,
    ):
        others = [
            lambda: cpu_s_per_gb(reference, FEW_FRAMES),
            *([lambda: cpu_s_per_gb(proxy, FRAMES)] if proxy is not None else []),
        ]
        mine, *theirs = take_turns(TURNS, lambda: cpu_s_per_gb(ours, FRAMES), *others)
    names = "a router that compresses", "HAProxy"
    for name, target, peer in zip(names, (0.05, 0.6), theirs, strict=False):
        tell(name, mine, peer, target)


def tell(name: str, ours: Figure, peer: Figure, target: float) -> None:
    report(
        name=f"router, CPU for each GB of 64 KiB frames to 50 viewers, beside {name}",
        unit="s",
        ours=ours,
        peer=peer,
        target=target,
        conditions={
            "viewers": VIEWERS,
            "frame_bytes": FRAME_BYTES,
            "viewers_offer": "permessage-deflate, which only the router that compresses takes",
            **package_versions("uvloop", "websockets", "uvicorn"),
        },
    )


def cpu_s_per_gb(program: Program, frames: int) -> float:
    spent_s: float = uvloop.run(watched(program, frames))
    return spent_s / (VIEWERS * frames * FRAME_BYTES / 1e9)


async def watched(program: Program, frames: int) -> float:
    """CPU time of the program, s, once all viewers have their sessions."""
    loop = asyncio.get_running_loop()
    viewers = [
        (await loop.create_connection(Viewer, "127.0.0.1", program.port))[1] for _ in range(VIEWERS)
    ]
    for number in (1, frames):
        before_s = cpu_s(program.pid)
        await asyncio.gather(*(viewer.watch(number) for viewer in viewers))
    spent_s = cpu_s(program.pid) - before_s
    for viewer in viewers:
        viewer.transport.abort()
    return spent_s


class Viewer(asyncio.BufferedProtocol):
    """It reads and throws away."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport
        self._upgraded: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._done: asyncio.Future[None] | None = None
        self._head = b""
        self._left = 0

    async def watch(self, frames: int) -> None:
        """Until it has as many bytes as they have at least."""
        await self._upgraded
        self._left += frames * FRAME_BYTES
        self._done = asyncio.get_running_loop().create_future()
        self.transport.write(question(frames, FRAME_BYTES))
        await self._done

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.write(HANDSHAKE)

    def get_buffer(self, sizehint: int) -> memoryview:
        return THROWN_AWAY

    def buffer_updated(self, nbytes: int) -> None:
        if self._done is not None:
            self._left -= nbytes
            if self._left <= 0 and not self._done.done():
                self._done.set_result(None)
            return
        self._head += THROWN_AWAY[:nbytes]
        if self._head.endswith(b"\r\n\r\n"):
            self._upgraded.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        for waited in (self._upgraded, self._done):
            if waited is not None and not waited.done():
                waited.set_exception(RuntimeError("the stream ended too early"))


if __name__ == "__main__":
    main()
