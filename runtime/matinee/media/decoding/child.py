"""The program that decodes one image after the other, within limits that the kernel enforces.

    python -m matinee.media.decoding.child MEMORY_BYTES CPU_SECONDS

An order on stdin (`ORDER`, then the encoded image) is answered on stdout with a status byte and,
if that is 0, with the pixels: height x width x 3 bytes. It leaves when stdin ends. A decoder that
takes too much gets MemoryError or SIGXCPU. It imports the standard library and Pillow: starting it
takes 60 ms of CPU.
"""

from __future__ import annotations

import gc
import os
import resource
import struct
import sys
import time
from pathlib import Path
from typing import cast

from matinee.media.decoding.errors import PictureRefused
from matinee.media.decoding.header import Format, Header
from matinee.media.decoding.pixels import exact, filled
from matinee_api.signals import leave_to_parent

ORDER = struct.Struct("!4s?IIIIQ")
"""Format; whether it must be exact; the image's width and height; those wanted; encoded bytes."""
DONE, REFUSED, NO_MEMORY = range(3)
REASON = struct.Struct("!H")
"""Bytes of the sentence that follows `REFUSED`."""


def main(memory_bytes: int, cpu_s: int) -> None:
    leave_to_parent()
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    for nothing in (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE):
        resource.setrlimit(nothing, (0, 0))
    free_bytes = memory_bytes - _address_space()
    while head := _read(ORDER.size):
        spent = int(time.process_time())
        resource.setrlimit(resource.RLIMIT_CPU, (spent + cpu_s + 1, resource.RLIM_INFINITY))
        _write(_answer(head, free_bytes))
        gc.collect()


def _answer(head: bytes, free_bytes: int) -> bytes:
    name, must_be_exact, source_width, source_height, width, height, size = ORDER.unpack(head)
    header = Header(cast(Format, name.rstrip(b"\0").decode()), source_width, source_height)
    decode = exact if must_be_exact else filled
    try:
        image = decode(_read(size), header, width, height, free_bytes - size)
        return bytes([DONE]) + image.tobytes()
    except PictureRefused as refusal:
        reason = str(refusal).encode()
        return bytes([REFUSED]) + REASON.pack(len(reason)) + reason
    except MemoryError:
        return bytes([NO_MEMORY])


def _address_space() -> int:
    """Bytes that this process has mapped so far."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * resource.getpagesize()


def _read(size: int) -> bytes:
    """Exactly so many bytes; fewer only at the end of stdin."""
    return sys.stdin.buffer.read(size)


def _write(answer: bytes) -> None:
    sys.stdout.buffer.write(answer)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]), int(sys.argv[2]))
    except (BrokenPipeError, KeyboardInterrupt):
        os._exit(1)  # nobody listens
