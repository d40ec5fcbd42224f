"""The end of a connection that we close while its client may still be sending.

A socket that is closed with unread bytes makes the kernel forget our last words. So only our side
is closed at first, and what comes is thrown away for a moment, in turn with everybody's work: the
client can read why.
"""

from __future__ import annotations

import asyncio

from matinee.serving.turns import Account, Turns

LINGER_S = 1.0
DISCARD_S = 0.0003
"""What it takes to read what is thrown away, once."""


class Lingering:
    """After the last words. Call `discard` for whatever comes; `timer` closes."""

    def __init__(self, transport: asyncio.Transport, turns: Turns, account: Account) -> None:
        self._transport = transport
        self._turns = turns
        self._account = account
        if not transport.is_closing() and transport.can_write_eof():  # TLS has no half of an end
            transport.write_eof()
        self.timer = asyncio.get_running_loop().call_later(LINGER_S, transport.close)
        self._read_on()

    def discard(self) -> None:
        self._transport.pause_reading()
        self._turns.ask(self._account, self._read_on, DISCARD_S)

    def _read_on(self) -> bool:
        if not self._transport.is_closing():
            self._transport.resume_reading()
        return False
