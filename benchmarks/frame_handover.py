"""CPU time to bring a segment's frames from the worker process to the server process.

Ours is the worker's ring of shared memory, with the frames copied in; the peer pickles a list of
arrays through `multiprocessing.Queue`. Both move I420 (the peer itself moves RGB, twice as much)
and both sides' time counts. The server reads every byte once.
"""

from __future__ import annotations

import multiprocessing
import sys
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from multiprocessing.queues import Queue
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks._report import package_versions, report, take_turns
from matinee.media.i420 import I420Picture
from matinee.worker.messages import FramesReady
from matinee.worker.ring import FrameRing, FreeSlots

WIDTH, HEIGHT, FRAMES = 832, 480, 24
HAND_OVER_FRAMES = 8
REPETITIONS = 31


def main() -> None:
    context = multiprocessing.get_context("spawn")
    ring = FrameRing.create()
    queue: Queue[list[I420Picture]] = context.Queue(maxsize=2)
    control, childs_control = context.Pipe()
    child = context.Process(target=produce, args=(ring, queue, childs_control), daemon=True)
    child.start()

    def ours() -> float:
        return cpu_ms(control, "ring", lambda: read_ring(ring, control))

    def peer() -> float:
        return cpu_ms(control, "queue", lambda: read_queue(queue))

    ours_ms, peer_ms = take_turns(REPETITIONS, ours, peer)
    child.kill()
    child.join()
    report(
        name="frames from worker to server, CPU of both processes",
        unit="ms",
        ours=ours_ms,
        peer=peer_ms,
        target=0.10,
        conditions={
            "segment": f"{FRAMES} frames {WIDTH}x{HEIGHT} I420",
            **package_versions("numpy"),
        },
    )


def cpu_ms(control: Connection[Any, Any], way: str, read: Callable[[], int]) -> float:
    started = time.process_time()
    control.send(way)
    checksum = read()
    control.send("report")
    childs_s: float
    childs_s, childs_checksum = control.recv()
    if checksum != childs_checksum:
        raise SystemExit(f"{way}: the frames were changed on their way")
    return (time.process_time() - started + childs_s) * 1000


def read_ring(ring: FrameRing, control: Connection[Any, Any]) -> int:
    checksum, frames = 0, 0
    while frames < FRAMES:
        event: FramesReady = control.recv()
        checksum ^= xor([ring.picture(slot, event.width, event.height) for slot in event.slots])
        frames += len(event.slots)
        control.send(event.slots)
    return checksum


def read_queue(queue: Queue[list[I420Picture]]) -> int:
    return xor(queue.get())


def xor(pictures: Sequence[I420Picture]) -> int:
    checksum = 0
    for picture in pictures:
        checksum ^= int(np.bitwise_xor.reduce(picture.reshape(-1).view(np.uint64)))
    return checksum


# In the child


def produce(
    ring: FrameRing, queue: Queue[list[I420Picture]], control: Connection[Any, Any]
) -> None:
    rng = np.random.default_rng(0)
    frames = list(rng.integers(0, 256, (FRAMES, HEIGHT * 3 // 2, WIDTH), np.uint8))
    free = FreeSlots(range(ring.slots))
    checksum = xor(frames)
    while True:
        way = control.recv()
        started = time.process_time()
        if way == "ring":
            write_ring(ring, free, frames, control)
        else:
            queue.put(frames)
        control.recv()
        control.send((time.process_time() - started, checksum))


def write_ring(
    ring: FrameRing, free: FreeSlots, frames: list[I420Picture], control: Connection[Any, Any]
) -> None:
    for first in range(0, len(frames), HAND_OVER_FRAMES):
        batch = frames[first : first + HAND_OVER_FRAMES]
        slots = free.take("session", len(batch))
        for slot, frame in zip(slots, batch, strict=True):
            ring.picture(slot, WIDTH, HEIGHT)[:] = frame
        control.send(FramesReady(1, slots, WIDTH, HEIGHT, first, ends_chunk=True))
    for _ in range(0, len(frames), HAND_OVER_FRAMES):
        free.give_back(control.recv())


if __name__ == "__main__":
    main()
