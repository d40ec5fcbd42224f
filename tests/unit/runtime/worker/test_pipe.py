from __future__ import annotations

import pickle
import socket
import struct
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from matinee.worker.messages import Ping
from matinee.worker.pipe import BYTES_AT_ONCE, MOST_BYTES, Reader, Writer

Ends = tuple[socket.socket, socket.socket]


@pytest.fixture
def ends() -> Iterator[Ends]:
    """Ours, which reads, and the other process's."""
    ours, theirs = socket.socketpair()
    yield ours, theirs
    ours.close()
    theirs.close()


def carried(ends: Ends, message: object) -> Any:
    ours, theirs = ends
    writing = threading.Thread(target=Writer[object](theirs).send, args=(message,))
    writing.start()
    received = Reader[Any](ours).receive()
    writing.join()
    return received


def bytes_of(message: object) -> bytes:
    """What is written of a message that a socket holds."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        Writer[object](theirs).send(message)
        return ours.recv(2**20)


def read_only(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    array.flags.writeable = False
    return array


def large() -> npt.NDArray[np.uint8]:
    """Much more than a socket holds."""
    return np.arange(3 * 2**20, dtype=np.uint32).view(np.uint8)


@pytest.mark.parametrize(
    "array",
    [
        large(),
        np.arange(24).reshape(2, 3, 4),
        np.asfortranarray(np.arange(6).reshape(2, 3)),
        np.arange(2**20).reshape(2**10, 2**10)[::3, ::-2],
        np.broadcast_to(np.arange(3), (4, 3)),
        np.empty((0, 480, 704, 3), np.uint8),
        np.array(5.0),
        np.array([1, 2], ">i4"),
        np.array(["a", "bc"]),
        read_only(np.arange(5)),
    ],
    ids=lambda array: f"{array.dtype.str} {array.shape} {array.strides}",
)
def test_an_array_arrives_as_it_was(ends: Ends, array: npt.NDArray[Any]) -> None:
    received = carried(ends, array)
    assert (received.dtype, received.shape) == (array.dtype, array.shape)
    assert np.array_equal(received, array)
    assert received.flags.writeable == array.flags.writeable or not array.flags.forc


def test_arrays_of_all_sizes_find_their_places(ends: Ends) -> None:
    sent: dict[str, npt.NDArray[Any]] = {
        "large": large(),
        "none": np.empty(0),
        "small": np.arange(3),
    }
    received = carried(ends, [sent, sent["large"], "é" * 5000])
    assert list(received[0]) == list(sent)
    assert all(np.array_equal(received[0][name], value) for name, value in sent.items())
    assert received[1] is received[0]["large"]
    assert received[2] == "é" * 5000


def test_the_memory_of_arrays_is_not_in_the_pickle() -> None:
    """Whatever is, is copied under Python's lock."""
    gaps = np.zeros((2, 2**15), np.uint8)[:, ::2]
    _, arrays, length = struct.unpack("<4sII", bytes_of([gaps, gaps[:, 2:]])[:12])
    assert arrays == 2
    assert length < 1000


def test_small_messages_go_at_once_while_there_is_room(ends: Ends) -> None:
    ours, theirs = ends
    reader, writer = Reader[object](ours), Writer[object](theirs)
    sent = 0
    while writer.sent_at_once(sent):
        sent += 1
    assert [reader.receive() for _ in range(sent)] == list(range(sent))
    assert not reader.poll()
    assert not writer.sent_at_once("x" * BYTES_AT_ONCE)
    assert not writer.sent_at_once(np.empty(1))
    assert not reader.poll(), "what did not go at once did not go at all"


@pytest.mark.parametrize("written", [0, 3, 12, 20, 300, 70_000])
def test_a_writer_that_dies_in_the_midst_of_a_message_ends_the_pipe(
    ends: Ends, written: int
) -> None:
    ours, theirs = ends
    theirs.sendall(bytes_of(np.zeros(80_000, np.uint8))[:written])
    theirs.close()
    with pytest.raises(EOFError):
        Reader[object](ours).receive()


def test_a_reader_that_is_gone_is_told_to_the_writer(ends: Ends) -> None:
    ours, theirs = ends
    ours.close()
    for send in (Writer[object](theirs).send, Writer[object](theirs).sent_at_once):
        with pytest.raises(BrokenPipeError):
            send(Ping())


@pytest.mark.parametrize(
    "bytes_",
    [
        pickle.dumps(Ping()).ljust(64),
        struct.pack("<4sII", b"mtn1", 2**32 - 1, 0),
        struct.pack("<4sIIQ", b"mtn1", 1, 0, MOST_BYTES + 1),
        struct.pack("<4sIIQQ", b"mtn1", 2, 10, 2**64 - 1, 2**64 - 1),
    ],
)
def test_what_is_no_message_is_refused_before_memory_is_taken(ends: Ends, bytes_: bytes) -> None:
    ours, theirs = ends
    theirs.sendall(bytes_)
    with pytest.raises(OSError, match="the other process"):
        Reader[object](ours).receive()
