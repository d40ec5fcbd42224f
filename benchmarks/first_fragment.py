"""How long a viewer waits, once a segment's frames exist, for the first bytes that can be shown:
a whole media fragment. Ours is a session that is already open, as every segment meets it."""

from __future__ import annotations

import asyncio
import struct
import sys
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks._report import report, take_turns
from benchmarks.encode_peer import encoding_conditions, peer_segment
from benchmarks.encode_scene import Rgb, i420_scene, scene
from matinee.media.i420 import I420Picture
from matinee.media.media_stream import MediaStream

WIDTH, HEIGHT, FPS, FRAMES = 832, 480, 24, 24
REPETITIONS = 11


def main() -> None:
    rgb, i420 = scene(WIDTH, HEIGHT, FRAMES), i420_scene(WIDTH, HEIGHT, FRAMES)
    stream = MediaStream(WIDTH, HEIGHT, FPS)
    ours, peer = take_turns(
        REPETITIONS,
        lambda: asyncio.run(our_wait_ms(stream, i420)),
        lambda: asyncio.run(peer_wait_ms(rgb)),
    )
    report(
        name="first media fragment after the first frame, 480p",
        unit="ms",
        ours=ours,
        peer=peer,
        target=0.05,
        conditions={
            "clip": f"{FRAMES} frames {WIDTH}x{HEIGHT}, all there at the start",
            **encoding_conditions(),
        },
    )


async def our_wait_ms(stream: MediaStream, pictures: Sequence[I420Picture]) -> float:
    stream.start_segment()
    start = time.perf_counter()
    fragment = await asyncio.to_thread(stream.push, pictures[0])
    elapsed = time.perf_counter() - start
    if fragment is None or not has_fragment(fragment.data):
        raise RuntimeError("the first picture did not leave at once")
    for picture in pictures[1:]:
        stream.push(picture)
    stream.flush()
    return elapsed * 1000


async def peer_wait_ms(pictures: Sequence[Rgb]) -> float:
    start, received, elapsed = time.perf_counter(), b"", 0.0
    async for data in peer_segment(pictures, FPS):
        received += data
        if not elapsed and has_fragment(received):
            elapsed = time.perf_counter() - start
    return elapsed * 1000


def has_fragment(data: bytes) -> bool:
    """Whether a whole mdat has arrived."""
    offset = 0
    while offset + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, offset)
        offset += size
        if kind == b"mdat":
            return bool(offset <= len(data))
    return False


if __name__ == "__main__":
    main()
