"""Machines that vanish: nothing of what is sent to them is acknowledged any more.

TCP by itself would go on for a quarter of an hour. Its keep-alive asks only where nothing is under
way, and TCP_USER_TIMEOUT takes a reader that is slow for one that is gone: with a closed window it
still answers each question. So the kernel is asked when it last heard an acknowledgment.

After `SUSPECT_MS` without one the machine is asked for a new connection, too. One that gives no
answer to that either is given up at once if another server answers: else it may be this machine
that has lost the network, and no other server could go on. It is the kernel that answers all this,
so a server that is merely slow, or stopped, is never given up.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from matinee.router.table import Table

if TYPE_CHECKING:
    from matinee.router.reception import Reception

LOOK_S = 0.5
SUSPECT_MS = 1_300
"""A question of each second went unanswered."""
KNOCK_S = 0.5
MOST_OTHERS = 4
SILENCE_MS = 20_000
"""So long for one that answers when it is knocked at, or while nobody does: the kernel sends what
is lost after 0.2, 0.4, 0.8 s ..."""
TURN = 64
TCP_INFO = getattr(socket, "TCP_INFO", None)
_INFO = struct.Struct("=2xBB52xI")
"""<linux/tcp.h>, of `struct tcp_info`: `tcpi_retransmits`, `tcpi_probes`,
`tcpi_last_ack_recv`."""

Peer = tuple[str, int]


def silent_ms(info: bytes) -> int:
    """For how long nobody has answered at the other end, from what the kernel tells of a
    connection; 0 where nothing was asked."""
    if len(info) < _INFO.size:
        return 0
    retransmits, probes, last_ack_ms = _INFO.unpack_from(info)
    return int(last_ack_ms) if retransmits or probes else 0


async def end_vanished(reception: Reception, table: Table) -> None:
    """Cut off connections to servers that vanished, until cancelled."""
    while TCP_INFO is not None:
        await asyncio.sleep(LOOK_S)
        suspects: dict[Peer, list[asyncio.Transport]] = defaultdict(list)
        for number, upstream in enumerate(reception.upstreams, start=1):
            _look_at(upstream.transport, suspects)
            if number % TURN == 0:
                await asyncio.sleep(0)
        if suspects:
            for peer in await vanished(suspects, map(_peer_of, (b.address.url for b in table))):
                for transport in suspects[peer]:
                    transport.abort()


def has_vanished(transport: asyncio.Transport) -> bool:
    """Whether the other end has answered nothing for too long, whoever else does."""
    return _silent_ms_of(transport) >= SILENCE_MS


def _silent_ms_of(transport: asyncio.Transport) -> int:
    connection = transport.get_extra_info("socket")
    if connection is None or transport.is_closing() or TCP_INFO is None:
        return 0
    with contextlib.suppress(OSError):  # it has ended meanwhile
        return silent_ms(connection.getsockopt(socket.IPPROTO_TCP, TCP_INFO, _INFO.size))
    return 0


def _look_at(transport: asyncio.Transport, suspects: dict[Peer, list[asyncio.Transport]]) -> None:
    silent = _silent_ms_of(transport)
    if silent >= SILENCE_MS:
        transport.abort()
    elif silent >= SUSPECT_MS:
        with contextlib.suppress(OSError):
            peer = transport.get_extra_info("socket").getpeername()
            suspects[peer[:2]].append(transport)


async def vanished(suspects: Iterable[Peer], known: Iterable[Peer]) -> list[Peer]:
    """Those of the suspects that do not answer while another known server does."""
    asked = list(suspects)
    others = [peer for peer in known if peer not in asked][:MOST_OTHERS]
    answers = await asyncio.gather(*map(_answers, [*asked, *others]))
    if not any(answers):
        return []
    return [peer for peer, answered in zip(asked, answers, strict=False) if not answered]


async def _answers(peer: Peer) -> bool:
    """Its kernel, with yes or with no."""
    try:
        async with asyncio.timeout(KNOCK_S):
            _, writer = await asyncio.open_connection(*peer)
    except ConnectionRefusedError:
        return True
    except OSError:  # a TimeoutError is one
        return False
    writer.close()
    return True


def _peer_of(url: str) -> Peer:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
