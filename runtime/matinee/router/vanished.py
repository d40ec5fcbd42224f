"""Machines that vanish: nothing of what is sent to them is acknowledged any more.

TCP by itself would go on for a quarter of an hour. Its keep-alive asks only where nothing is under
way, and TCP_USER_TIMEOUT takes a reader that is slow for one that is gone: with a closed window it
still answers each question. So the kernel is asked when it last heard an acknowledgment.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matinee.router.reception import Reception

LOOK_S = 5.0
SILENCE_MS = 20_000
"""Several questions went unanswered: the kernel sends what is lost after 0.2, 0.4, 0.8 s ..."""
TCP_INFO = getattr(socket, "TCP_INFO", None)
_INFO = struct.Struct("=2xBB52xI")
"""<linux/tcp.h>, of `struct tcp_info`: `tcpi_retransmits`, `tcpi_probes`,
`tcpi_last_ack_recv`."""


def is_silent(info: bytes) -> bool:
    """Whether nobody answers at the other end, from what the kernel tells of a connection."""
    if len(info) < _INFO.size:
        return False
    retransmits, probes, last_ack_ms = _INFO.unpack_from(info)
    return bool(retransmits or probes) and last_ack_ms >= SILENCE_MS


async def end_vanished(reception: Reception) -> None:
    """Cut off connections to servers that vanished, until cancelled."""
    while TCP_INFO is not None:
        await asyncio.sleep(LOOK_S)
        for upstream in reception.upstreams:
            transport = upstream.transport
            connection = transport.get_extra_info("socket")
            if connection is None or transport.is_closing():
                continue
            with contextlib.suppress(OSError):  # it has ended meanwhile
                if is_silent(connection.getsockopt(socket.IPPROTO_TCP, TCP_INFO, _INFO.size)):
                    transport.abort()
