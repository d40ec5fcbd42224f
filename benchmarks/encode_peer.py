"""FastVideo's way to encode a segment, written anew after its public `streaming/stream.py`: an
ffmpeg process of its own, RGB frames copied into its stdin and 64 KiB reads from its stdout, both
through the event loop's executor."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Sequence
from typing import IO

from benchmarks._report import package_versions
from benchmarks.encode_scene import Rgb

READ_BYTES = 64 * 1024


async def peer_segment(frames: Sequence[Rgb], fps: int) -> AsyncIterator[bytes]:
    """Yields what each read returns, to the end; the process has ended by then."""
    height, width, _ = frames[0].shape
    process = subprocess.Popen(  # noqa: ASYNC220 - it blocks the loop in the original too
        _command(width, height, fps),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=0,
    )
    assert process.stdin is not None  # noqa: S101 - both are pipes, which the type does not say
    assert process.stdout is not None  # noqa: S101
    loop = asyncio.get_running_loop()
    feeding = asyncio.create_task(_feed(process.stdin, frames))
    while data := await loop.run_in_executor(None, process.stdout.read, READ_BYTES):
        yield data
    await feeding
    process.stdout.close()
    await loop.run_in_executor(None, process.wait)


async def _feed(stdin: IO[bytes], frames: Sequence[Rgb]) -> None:
    loop = asyncio.get_running_loop()
    for frame in frames:
        await loop.run_in_executor(None, _write, stdin, frame)
    stdin.close()


def _write(stdin: IO[bytes], frame: Rgb) -> None:
    stdin.write(frame.tobytes())


def _command(width: int, height: int, fps: int) -> list[str]:
    source = f"-f rawvideo -pix_fmt rgb24 -s {width}x{height} -r {fps} -i -"
    codec = "-c:v libx264 -preset ultrafast -tune zerolatency -pix_fmt yuv420p"
    output = "-movflags empty_moov+default_base_moof+frag_keyframe+faststart -f mp4 -"
    return f"ffmpeg -hide_banner -loglevel error {source} {codec} {output}".split()


def encoding_conditions() -> dict[str, object]:
    """What a reader must know of either side, for `report`."""
    return {
        "ours_takes": "I420, as the worker makes it; encoder open before",
        "peer_takes": "rgb24; one ffmpeg per segment",
        "ffmpeg": _ffmpeg_version(),
        **package_versions("av", "numpy"),
    }


def _ffmpeg_version() -> str:
    banner = subprocess.run(["ffmpeg", "-version"], capture_output=True, check=True, text=True)
    return banner.stdout.split()[2]
