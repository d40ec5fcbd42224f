from __future__ import annotations

import socket
import struct

import pytest

from matinee.router.vanished import SILENCE_MS, TCP_INFO, is_silent


def info(*, retransmits: int = 0, probes: int = 0, last_ack_ms: int = 0) -> bytes:
    return struct.pack(
        "=8B24I", 1, 0, retransmits, probes, *[0] * 4, *[0] * 12, last_ack_ms, *[0] * 11
    )


@pytest.mark.parametrize(
    ("told", "silent"),
    [
        (info(retransmits=7, last_ack_ms=SILENCE_MS), True),
        (info(probes=7, last_ack_ms=SILENCE_MS), True),
        (info(probes=7, last_ack_ms=900), False),  # slow: its window is closed, but it answers
        (info(retransmits=3, last_ack_ms=3000), False),
        (info(last_ack_ms=10**6), False),  # nothing was sent
        (b"", False),
    ],
)
def test_who_answers_is_not_given_up(told: bytes, silent: bool) -> None:
    assert is_silent(told) is silent


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
            assert struct.unpack_from("=I", told, 56)[0] < SILENCE_MS
            assert not is_silent(told)
