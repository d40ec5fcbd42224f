from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Iterator

import pytest

from matinee.router.vanished import SUSPECT_MS, TCP_INFO, Peer, silent_ms, vanished


def info(*, retransmits: int = 0, probes: int = 0, last_ack_ms: int = 0) -> bytes:
    return struct.pack(
        "=8B24I", 1, 0, retransmits, probes, *[0] * 4, *[0] * 12, last_ack_ms, *[0] * 11
    )


@pytest.mark.parametrize(
    ("told", "silent"),
    [
        (info(retransmits=7, last_ack_ms=9000), 9000),
        (info(probes=7, last_ack_ms=9000), 9000),
        (info(probes=7, last_ack_ms=900), 900),  # slow: its window is closed, but it answers
        (info(last_ack_ms=10**6), 0),  # nothing was sent
        (b"", 0),
    ],
)
def test_only_who_was_asked_is_silent(told: bytes, silent: int) -> None:
    assert silent_ms(told) == silent


@pytest.mark.skipif(TCP_INFO is None, reason="only Linux tells it")
def test_the_kernel_tells_of_a_reader_that_is_only_slow() -> None:
    assert TCP_INFO is not None
    with socket.create_server(("127.0.0.1", 0)) as listening:
        ours = socket.create_connection(listening.getsockname())
        theirs, _ = listening.accept()
        with ours, theirs:
            ours.setblocking(False)
            try:
                while True:
                    ours.send(bytes(2**16))
            except BlockingIOError:
                told = ours.getsockopt(socket.IPPROTO_TCP, TCP_INFO, 256)
            assert struct.unpack_from("=I", told, 56)[0] < SUSPECT_MS
            assert silent_ms(told) < SUSPECT_MS


@contextlib.contextmanager
def listening(*, answers: bool = True) -> Iterator[Peer]:
    """A server that accepts nobody, whose kernel does, or answers nothing at all."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(
            socket.create_server(("127.0.0.1", 0), backlog=8 if answers else 0)
        )
        for _ in range(0 if answers else 8):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(server.getsockname())
        yield server.getsockname()


async def test_a_machine_is_given_up_when_others_answer_and_it_does_not() -> None:
    with listening() as alive, listening(answers=False) as gone, listening(answers=False) as other:
        assert await vanished([gone, alive], [gone, alive]) == [gone]
        assert await vanished([gone], [gone, other, alive]) == [gone]
        assert await vanished([gone], [gone, other]) == [], "it may be our own network"
    assert await vanished([gone], [alive]) == [], "nothing listens there, and its kernel says so"
