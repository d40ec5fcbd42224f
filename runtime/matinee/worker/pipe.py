"""Messages between the API process and a worker, their arrays past the pickle (PEP 574).

Inside a pickle an array is copied several times, each under Python's lock: for a state of
megabytes both event loop and denoising stood still for 3 to 5 ms. Here the pickle only says where
arrays belong, and their memory follows as it is, written and read by the kernel without the lock.
A pipe is a pair of connected sockets (`socket.socketpair`), because the kernel reads any number of
bytes from one in a single call.

A message: mark, number of arrays and length of the pickle; length of each array; pickle; arrays.
"""

from __future__ import annotations

import io
import pickle
import select
import socket
import struct
from collections.abc import Sequence
from typing import Any, Generic, TypeVar, cast

import numpy as np

MOST_ARRAYS = 2**16
MOST_BYTES = 2**31
"""Of a message: far more than any state. What claims more is none of ours."""
BYTES_AT_ONCE = 4096
"""A socket takes so few in one piece or not at all."""

_MARK = b"mtn1"
_HEAD = struct.Struct("<4sII")

Message = TypeVar("Message")


class Writer(Generic[Message]):
    """All methods raise OSError when nobody reads any more."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end

    def send(self, message: Message) -> None:
        """Blocks while the pipe is full. Arrays must not change meanwhile."""
        for piece in _pieces(message):
            self._end.sendall(piece)

    def sent_at_once(self, message: Message) -> bool:
        """False when the message is too long or finds no room."""
        pieces = _pieces(message)
        if len(pieces) > 1 or len(pieces[0]) > BYTES_AT_ONCE:
            return False
        try:
            self._end.send(pieces[0], socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        return True


class Reader(Generic[Message]):
    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._arrived = select.poll()
        self._arrived.register(end.fileno(), select.POLLIN)

    def poll(self, timeout_s: float = 0.0) -> bool:
        """A message or the end is there, or comes within that time."""
        return bool(self._arrived.poll(timeout_s * 1000))

    def receive(self) -> Message:
        """Waits for the next message. Its arrays may be written to when they could be before.

        Raises:
            EOFError: nobody writes any more, perhaps in the midst of a message.
            OSError: what came is no message of ours.
        """
        mark, arrays, length = _HEAD.unpack(self._read(_HEAD.size))
        if mark != _MARK or arrays > MOST_ARRAYS:
            raise OSError("the other process did not write a message")
        sizes = struct.unpack(f"<{arrays}Q", self._read(8 * arrays))
        if length + sum(sizes) > MOST_BYTES:
            raise OSError("the other process wrote too long a message")
        pickled = self._read(length)
        buffers = [self._read(size) for size in sizes]
        return cast(Message, pickle.loads(pickled, buffers=buffers))  # noqa: S301 (our own)

    def _read(self, size: int) -> memoryview:
        """A `bytearray` would be filled with zeros first, under the lock."""
        memory = np.empty(size, np.uint8).data
        filled = 0
        while filled < size:
            arrived = self._end.recv_into(memory[filled:], 0, socket.MSG_WAITALL)
            if not arrived:
                raise EOFError
            filled += arrived
        return memory


def _pieces(message: object) -> Sequence[bytes | memoryview]:
    """What to write, one after the other: everything but the arrays is in the first one."""
    buffers: list[pickle.PickleBuffer] = []
    file = io.BytesIO()
    _Pickler(file, protocol=5, buffer_callback=buffers.append).dump(message)
    pickled, arrays = file.getvalue(), [buffer.raw() for buffer in buffers]
    sizes = struct.pack(f"<{len(arrays)}Q", *(array.nbytes for array in arrays))
    return (_HEAD.pack(_MARK, len(arrays), len(pickled)) + sizes + pickled, *arrays)


class _Pickler(pickle.Pickler):
    def reducer_override(self, obj: object) -> Any:
        """numpy puts an array with gaps into the pickle. Copying it here does not hold the lock."""
        if isinstance(obj, np.ndarray) and not obj.flags.forc:
            return np.ascontiguousarray(obj).__reduce_ex__(5)
        return NotImplemented
