"""Reading MP4 back: our own walk over the boxes, and FFmpeg's decoders."""

from __future__ import annotations

import io
import json
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np

from matinee.media.i420 import I420Picture

HEADER = 8
CONTAINERS = {b"moov", b"trak", b"mdia", b"minf", b"dinf", b"stbl", b"mvex", b"moof", b"traf"}
FIELDS_BEFORE_CHILDREN = {b"dref": 8, b"stsd": 8, b"avc1": 78, b"mp4a": 28}


@dataclass(frozen=True)
class Box:
    """`path`: the kinds from the top down to this box, e.g. `moof/traf/tfdt`."""

    path: str
    content: bytes


def boxes(data: bytes, path: str = "") -> Iterator[Box]:
    """Every box, parents first. Fails unless the sizes add up exactly on every level."""
    offset = 0
    while offset < len(data):
        size, kind = struct.unpack_from(">I4s", data, offset)
        assert HEADER <= size <= len(data) - offset, f"{path}/{kind!r}: size {size}"
        content = data[offset + HEADER : offset + size]
        found = Box(f"{path}/{kind.decode()}".strip("/"), content)
        yield found
        skipped = FIELDS_BEFORE_CHILDREN.get(kind, 0 if kind in CONTAINERS else len(content))
        yield from boxes(content[skipped:], found.path)
        offset += size


def content_of(data: bytes, path: str) -> bytes:
    (found,) = (box.content for box in boxes(data) if box.path == path)
    return found


def decode_time(fragment: bytes) -> int:
    """Ticks, from tfdt."""
    (ticks,) = struct.unpack_from(">Q", content_of(fragment, "moof/traf/tfdt"), 4)
    return int(ticks)


def video_frames(data: bytes) -> list[av.VideoFrame]:
    with av.open(io.BytesIO(data), "r") as container:
        return list(container.decode(video=0))


def decoded_pictures(data: bytes) -> list[I420Picture]:
    return [frame.to_ndarray().astype(np.uint8) for frame in video_frames(data)]


def ffprobe(path: Path) -> dict[str, Any]:
    """What `ffprobe_streams` says of the first stream."""
    return ffprobe_streams(path)[0]


def ffprobe_streams(path: Path) -> list[dict[str, Any]]:
    """What Debian's ffprobe, another FFmpeg than PyAV's, says of each stream."""
    command = ["ffprobe", "-v", "error", "-count_frames", "-show_streams", "-of", "json", str(path)]
    run = subprocess.run(command, capture_output=True, check=True, text=True)
    assert run.stderr == ""
    streams: list[dict[str, Any]] = json.loads(run.stdout)["streams"]
    return streams
