"""Who may do what: pages of other origins may not stream, strangers may not drain. Pure."""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Sequence
from urllib.parse import urlsplit


def origin_allowed(origin: str | None, host: str | None, allowed: Sequence[str]) -> bool:
    """Browsers send an `Origin` and other sites' pages must not use their users' network to get
    here; programs send none. A page of this server's own host is always allowed."""
    if origin is None or "*" in allowed or origin in allowed:
        return True
    try:
        origin_host = urlsplit(origin).netloc.lower()
    except ValueError:
        return False
    return bool(origin_host) and host is not None and origin_host == host.lower()


def may_drain(token: str | None, authorization: str | None, client_host: str | None) -> bool:
    """With an admin token, its bearers; without one, callers on this machine or in this pod."""
    if token is not None:
        given = (authorization or "").encode()
        return hmac.compare_digest(given, f"Bearer {token}".encode())
    try:
        address = ipaddress.ip_address(client_host or "")
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback
