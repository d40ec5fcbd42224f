"""CPU time to turn a frame into fragments, with all the processes that takes."""

from __future__ import annotations

import asyncio
import resource
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks._report import medians, report
from benchmarks.encode_peer import encoding_conditions, peer_segment
from benchmarks.encode_scene import Rgb, i420_scene, scene
from matinee.media.i420 import I420Picture
from matinee.media.video_stream import VideoStream

WIDTH, HEIGHT, FPS, FRAMES = 832, 480, 24, 24
REPETITIONS = 11


def main() -> None:
    rgb, i420 = scene(WIDTH, HEIGHT, FRAMES), i420_scene(WIDTH, HEIGHT, FRAMES)
    stream = VideoStream(WIDTH, HEIGHT, FPS)
    ours, peer = medians(
        REPETITIONS,
        lambda: cpu_ms_per_frame(lambda: our_segment_bytes(stream, i420)),
        lambda: cpu_ms_per_frame(lambda: asyncio.run(peer_segment_bytes(rgb))),
    )
    report(
        name="encode CPU per frame, 480p, I420 in",
        unit="ms",
        ours=ours,
        peer=peer,
        target=0.33,
        conditions={
            "clip": f"{FRAMES} frames {WIDTH}x{HEIGHT}",
            "repetitions": REPETITIONS,
            "our_bytes": our_segment_bytes(stream, i420),
            "peer_bytes": asyncio.run(peer_segment_bytes(rgb)),
            **encoding_conditions(),
        },
    )


def our_segment_bytes(stream: VideoStream, pictures: Sequence[I420Picture]) -> int:
    stream.start_segment()
    fragments = [*(stream.push(picture) for picture in pictures), stream.flush()]
    return sum(len(fragment.data) for fragment in fragments if fragment)


async def peer_segment_bytes(pictures: Sequence[Rgb]) -> int:
    return sum([len(data) async for data in peer_segment(pictures, FPS)])


def cpu_ms_per_frame(encode_segment: Callable[[], int]) -> float:
    before = cpu_ms()
    encode_segment()
    return (cpu_ms() - before) / FRAMES


def cpu_ms() -> float:
    """User and system time of this process and of the children that have ended."""
    spent = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in spent) * 1000


if __name__ == "__main__":
    main()
