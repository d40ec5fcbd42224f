"""Strangers whose first message brings more along than it seems to, in a process of their own.

python3 -m tests.system.end_to_end.baggage PORT WHAT
"""

from __future__ import annotations

import asyncio
import base64
import io
import json
import struct
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

SENDERS = 8


@dataclass(frozen=True)
class Baggage:
    """`says`: part of what each sender is told; "" where some are served."""

    message: Callable[[], str]
    says: str


def init(**fields: object) -> str:
    return json.dumps({"type": "session_init_v2", **fields})


def image_of(data: bytes, kind: str) -> str:
    return init(initial_image={"mime": f"image/{kind}", "data": base64.b64encode(data).decode()})


def encoded(kind: str, size: tuple[int, int], mode: str = "RGB", **options: object) -> bytes:
    file = io.BytesIO()
    Image.new(mode, size, 7 if mode == "L" else (200, 30, 20)).save(file, kind, **options)
    return file.getvalue()


def promising_webp() -> str:
    """34 bytes."""
    head = b"RIFF\x1a\0\0\0WEBPVP8L\x0d\0\0\0\x2f"
    return image_of(head + struct.pack("<I", 7999 | 7999 << 14) + bytes(8), "webp")


def long_png() -> str:
    return image_of(
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", 1, 64_000_000) + bytes(150_000), "png"
    )


def large_png() -> str:
    """As many pixels as are allowed, and cut short, so that nobody stays."""
    return image_of(encoded("png", (4000, 4000))[:-2000], "png")


def many_scans() -> str:
    whole = encoded("jpeg", (1500, 1500), progressive=True)
    last = whole[whole.rindex(b"\xff\xda") : -2]
    return image_of(whole[:-2] + last * 85 + whole[-2:], "jpeg")


def many_frames() -> str:
    frame = base64.b64encode(encoded("png", (1920, 1088))).decode()
    return state_of([frame] * 33, 1920, 1088)


def damaged_state() -> str:
    """Eight good frames of the largest size, and a bad one."""
    frame = base64.b64encode(encoded("png", (64, 64))).decode()
    return state_of([frame] * 8 + [frame[:-80]], 64, 64)


def state_of(frames: list[str], width: int, height: int) -> str:
    payload = {
        "schema_version": 1,
        "width": width,
        "height": height,
        "frames_b64": frames,
        "segment_index": 1,
        "seed": 1,
        "prompts": ["a ball"],
    }
    state = {"kind": "ltx.v1", "payload": payload}
    return init(continuation_state=state, width=width, height=height)


def long_message() -> str:
    """A picture of 1000x1000 with a chunk of 24 MB that no decoder reads."""
    whole = encoded("png", (1000, 1000))
    body = b"prVt" + bytes(24_000_000)
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return image_of(whole[:33] + chunk + whole[33:], "png")


BAGGAGE = {
    "messages of 32 MB": Baggage(long_message, ""),
    "WebPs that promise": Baggage(promising_webp, "8000x8000 pixels"),
    "PNGs of one column": Baggage(long_png, "1x64000000 pixels"),
    "PNGs as large as they may be": Baggage(large_png, "damaged or cut short"),
    "JPEGs of many scans": Baggage(many_scans, ""),
    "states of many frames": Baggage(many_frames, ""),
    "states with a bad frame": Baggage(damaged_state, "frames_b64.8"),
}


async def send(port: int, text: str) -> str:
    """What the server answers that is not about the queue, or nothing when it serves."""
    address = f"ws://127.0.0.1:{port}/v1/stream"
    async with connect(address, compression=None, max_size=None, ping_interval=None) as socket:
        try:
            await socket.send(text)
            while True:
                answer = json.loads(await socket.recv())
                if answer["type"] != "queue_status":
                    return str(answer.get("message", answer["type"]))
        except ConnectionClosed as closed:
            return str(closed.rcvd.reason if closed.rcvd else closed)


async def main(port: int, what: str) -> None:
    text = BAGGAGE[what].message()
    print(json.dumps(await asyncio.gather(*(send(port, text) for _ in range(SENDERS)))))  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
