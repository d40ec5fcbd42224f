"""Ports for servers that are told theirs, and for those that come back to theirs."""

from __future__ import annotations

import socket
from pathlib import Path
from random import SystemRandom

RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
BELOW = 10_000


def free_port() -> int:
    """One below those that the system gives to whoever wants any, so that nobody else gets it
    before it is used, or while its server is away."""
    first = int(RANGE.read_text().split()[0])
    random = SystemRandom()
    while True:
        with socket.socket() as one:
            try:
                one.bind(("", random.randrange(max(1024, first - BELOW), first)))
            except OSError:
                continue
            return int(one.getsockname()[1])
