"""Frames between the worker and the API process: shared memory, used again and written in place.

The API process creates the ring, the worker attaches to it, and a frame is an I420 picture that
both see as a numpy array of shape (height * 3 // 2, width). The memory is an anonymous file
(`memfd_create`) whose descriptor the worker inherits, not a named block of
`multiprocessing.shared_memory`: it has no name that a killed process could leave behind in
/dev/shm, no resource tracker that unlinks it under its owner, and it does not count against the
64 MB that containers get for /dev/shm. The kernel frees it with the last mapping.

Slots are as large as the largest picture of any model. Memory is taken up page by page when it is
written, so that a slot costs what the pictures in it need, and the ring can exist before the
model is known.
"""

from __future__ import annotations

import mmap
import os
from collections import Counter
from collections.abc import Iterable
from multiprocessing import reduction
from typing import Any

import numpy as np

from matinee.media.i420 import I420Picture

SLOT_PIXELS = 4096 * 2304
"""No model may make larger pictures."""
SLOT_BYTES = SLOT_PIXELS * 3 // 2
DEFAULT_SLOTS = 128
"""A lone session may hold half of them, which is more than most chunks have frames."""


class FrameRing:
    """The memory itself, from `open` to `close`. Picklable to a child process while that is being
    spawned."""

    def __init__(self, slots: int = DEFAULT_SLOTS) -> None:
        self.slots = slots
        self._fd = -1
        self._memory: mmap.mmap | None = None

    @classmethod
    def create(cls, slots: int = DEFAULT_SLOTS) -> FrameRing:
        """One that is open. Raises OSError."""
        ring = cls(slots)
        ring.open()
        return ring

    @classmethod
    def attached(cls, inherited: Any, slots: int) -> FrameRing:
        """In the child: the same memory. `inherited`: what `reduction.DupFd` became there."""
        ring = cls(slots)
        ring._map(inherited.detach())
        return ring

    def open(self) -> None:
        """Open already, it stays as it is. Raises OSError where the system has no descriptor or
        memory; a retry may succeed."""
        if self._memory is None:
            fd = os.memfd_create("matinee-frames")
            try:
                os.ftruncate(fd, self.slots * SLOT_BYTES)
                self._map(fd)
            except OSError:
                os.close(fd)
                raise

    def _map(self, fd: int) -> None:
        self._memory, self._fd = mmap.mmap(fd, self.slots * SLOT_BYTES), fd

    def picture(self, slot: int, width: int, height: int) -> I420Picture:
        """The slot's memory as a picture: a view, valid while the slot is held."""
        rows, size = height * 3 // 2, width * height * 3 // 2
        if self._memory is None or not 0 <= slot < self.slots or size > SLOT_BYTES:
            raise ValueError(f"no picture of {width}x{height} in slot {slot}")
        pixels = np.frombuffer(self._memory, np.uint8, count=rows * width, offset=slot * SLOT_BYTES)
        return pixels.reshape(rows, width)

    def close(self) -> None:
        """Give up this process's hold. Views that are still alive stay valid: the memory goes
        with the last of them, which is why this never fails."""
        if self._memory is not None:
            self._memory = None
            os.close(self._fd)

    def __reduce__(self) -> tuple[Any, ...]:
        return self.attached, (reduction.DupFd(self._fd), self.slots)


class FreeSlots:
    """The worker's free list, shared among its sessions.

    A session gets another slot only while it holds fewer than are free (dynamic threshold,
    Choudhury and Hahne 1998): with k sessions whose frames nobody fetches, 1/(k+1) of the ring
    stays free for the others.
    """

    def __init__(self, free: Iterable[int]) -> None:
        self._free = list(free)
        self._owner: dict[int, str] = {}
        self._held: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._free)

    def take(self, session_id: str, wanted: int) -> tuple[int, ...]:
        """At most `wanted` slots, perhaps none. The one used last goes first: its memory is
        still in the cache, and few pages of the ring are ever touched."""
        taken: list[int] = []
        while len(taken) < wanted and self._held[session_id] < len(self._free):
            slot = self._free.pop()
            self._owner[slot] = session_id
            self._held[session_id] += 1
            taken.append(slot)
        return tuple(taken)

    def give_back(self, slots: Iterable[int]) -> None:
        for slot in slots:
            # A worker that was started again does not know the owners of slots still out.
            session_id = self._owner.pop(slot, None)
            if session_id is not None:
                self._held[session_id] -= 1
                if not self._held[session_id]:
                    del self._held[session_id]
            self._free.append(slot)
