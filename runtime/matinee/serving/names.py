"""The names in a request: of the server in `Host`, of the page that sends it in `Origin`. Pure.

A stranger's page may let its own name lead to this machine (DNS rebinding); the browser then takes
this server for a part of that page's site. What such a page cannot change is the name that the
browser sends, so a name that is not ours is refused. Addresses pass: only names can be led astray.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

from matinee.serving.refusal import Refusal

_AUTHORITY = re.compile(r"(\[[0-9a-f:.]{2,45}\]|[a-z0-9_.-]{1,254})(?::([0-9]{0,5}))?")
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Authority:
    """A name or an address, and the port if one is said. `name` is in lower case, without the dot
    at the end; addresses are in their usual form, without brackets."""

    name: str
    port: int | None
    is_address: bool


def authority_of(text: str) -> Authority:
    """Read `name`, `name:port`, `1.2.3.4:port` or `[::1]:port`. Raises `ValueError`."""
    matched = _AUTHORITY.fullmatch(text.lower()) if text.isascii() else None
    if matched is None:
        raise ValueError("not a name or an address with a port")
    host, digits = matched.groups()
    port = int(digits) if digits else None
    if port is not None and port > 65535:
        raise ValueError("not a port")
    if host.startswith("["):
        return Authority(str(ipaddress.IPv6Address(host[1:-1])), port, is_address=True)
    labels = host.removesuffix(".").split(".")
    if not all(labels):
        raise ValueError("a name with an empty part")
    if labels[-1].isdigit():  # no name ends so: browsers and resolvers read an address
        return Authority(str(ipaddress.IPv4Address(".".join(labels))), port, is_address=True)
    return Authority(".".join(labels), port, is_address=False)


def host_refusal(hosts: Sequence[str], http_version: str, own: Sequence[str]) -> Refusal | None:
    """What is wrong with a request's `Host` headers. `own`: names, or `*.parent` for all names
    below one, or `*` for any; loopback's names and all addresses are ours anyway."""
    if not hosts and http_version == "1.0":
        return None  # no browser speaks it
    if len(hosts) != 1:
        return Refusal(HTTPStatus.BAD_REQUEST, "the request needs one Host header")
    try:
        asked = authority_of(hosts[0].strip())
    except ValueError:
        return Refusal(HTTPStatus.BAD_REQUEST, "the Host header is not NAME or NAME:PORT")
    if asked.is_address or _is_loopback(asked.name) or any(_fits(asked.name, one) for one in own):
        return None
    reason = (
        f"{asked.name} is not a name of this server; if it should be one, add it to "
        "server.allowed_hosts (of a StreamingService: spec.access.hosts; of a router: "
        "router.allowed_hosts)"
    )
    return Refusal(HTTPStatus.MISDIRECTED_REQUEST, reason)


def origin_allowed(origin: str | None, host: str | None, allowed: Sequence[str]) -> bool:
    """Browsers send an `Origin` and other sites' pages must not use their users' network to get
    here; programs send none. A page of this server's own host is always allowed. A port that is
    not said is the usual one of the page's scheme, on both sides."""
    if origin is None or "*" in allowed or origin in allowed:
        return True
    try:
        page = _origin_of(origin)
    except ValueError:
        return False
    if any(_is_origin(entry, page) for entry in allowed):
        return True
    try:
        here = authority_of(host or "")
    except ValueError:
        return False
    scheme = page[0]
    return scheme in _PORTS and page == (scheme, here.name, _port(scheme, here))


def _is_loopback(name: str) -> bool:
    return name == "localhost" or name.endswith(".localhost")


def _fits(name: str, pattern: str) -> bool:
    pattern = pattern.lower().removesuffix(".")
    if pattern.startswith("*."):
        return name.endswith(pattern[1:])
    return pattern in ("*", name)


def _origin_of(text: str) -> tuple[str, str, int | None]:
    """Scheme, name and port. Raises `ValueError`, also for `null`."""
    scheme, separator, rest = text.partition("://")
    if not separator:
        raise ValueError("not an origin")
    authority, scheme = authority_of(rest), scheme.lower()
    return scheme, authority.name, _port(scheme, authority)


def _port(scheme: str, authority: Authority) -> int | None:
    return _PORTS.get(scheme) if authority.port is None else authority.port


def _is_origin(entry: str, page: tuple[str, str, int | None]) -> bool:
    try:
        return _origin_of(entry) == page
    except ValueError:
        return False
