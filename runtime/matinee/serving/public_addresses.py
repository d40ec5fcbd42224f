"""Which URLs and addresses of strangers a server may ask. Pure: text enters, a decision leaves.

A name is only as good as the address that it resolves to, so both are asked: `target_of` for what
is written, `is_allowed` for every address that the resolver says, whichever way it is written there
(IPv6 has half a dozen ways to mean an IPv4 address).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

Address = IPv4Address | IPv6Address
Networks = Sequence[str]

LONGEST_URL = 2048
PORTS = (80, 443)
"""And all from 1024 on: behind the others are mail, shells and files."""
_PLAIN = re.compile(r"[!#-;=?-\[\]_a-z~]+")
"""ASCII that may stand in a URL: no blank, quote, backslash, brace or control character."""
_NAME = re.compile(r"[a-z0-9]([a-z0-9_.-]*[a-z0-9])?\.?", re.I)
_METADATA = frozenset(
    ip_address(text)
    for text in ("169.254.169.254", "169.254.170.2", "169.254.170.23", "100.100.100.200")
) | {ip_address("168.63.129.16"), ip_address("fd00:ec2::254"), ip_address("fd20:ce::254")}
"""Of clouds: who asks there gets the machine's own rights. One of them is in a public network."""
_NAT64, _LOCAL_NAT64 = IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48")
_COMPATIBLE = IPv6Network("::/96")
_ISATAP = (b"\x00\x00\x5e\xfe", b"\x02\x00\x5e\xfe")


class UrlRefused(Exception):
    """The message is a sentence for whoever sent the URL."""


@dataclass(frozen=True, slots=True)
class Target:
    """`path`: with the query. `origin`: scheme, name and port."""

    host: str
    port: int
    origin: str
    path: str


def target_of(url: str) -> Target:
    """Raises `UrlRefused` for what is no plain URL of http or https."""
    if len(url) > LONGEST_URL or not _PLAIN.fullmatch(url):
        raise UrlRefused(f"a URL has at most {LONGEST_URL} characters, all of them ASCII")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise UrlRefused("this is no URL") from None
    if parts.scheme not in ("http", "https"):
        raise UrlRefused("only URLs that begin with https://, http:// or data: are taken")
    if parts.username is not None or parts.password is not None:
        raise UrlRefused("a URL with a user's name or password is not taken")
    if not host or not (_NAME.fullmatch(host) or _is_address(host)):
        raise UrlRefused("the URL names no host")
    if port is None:
        port = 443 if parts.scheme == "https" else 80
    if port not in PORTS and port < 1024:
        raise UrlRefused(f"port {port} is not asked; use 80, 443 or one from 1024 on")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(host, port, f"{parts.scheme}://{parts.netloc}", path)


def is_allowed(address: str, networks: Networks = ()) -> bool:
    """Whether it is a public one, or in one of these. Those that tell a machine's secrets never
    are."""
    try:
        meant = _meant(ip_address(address))
    except ValueError:
        return False
    if any(one in _METADATA for one in meant):
        return False
    return all(_is_public(one) or _is_in(one, networks) for one in meant)


def _is_public(address: Address) -> bool:
    return address.is_global and not (
        address.is_multicast
        or address.is_reserved
        or address.is_unspecified
        or address.is_loopback
        or address.is_link_local
        or (address.version == 6 and (address.is_site_local or address in _LOCAL_NAT64))
    )


def _is_in(address: Address, networks: Networks) -> bool:
    return any(address in ip_network(network) for network in networks)


def _meant(address: Address) -> list[Address]:
    """All addresses at which a packet to this one may come out."""
    if isinstance(address, IPv4Address):
        return [address]
    if address.ipv4_mapped is not None:
        return [address.ipv4_mapped]
    last = IPv4Address(address.packed[12:])
    if address in _NAT64:
        return [last]
    if address.packed[8:12] in _ISATAP or (address in _COMPATIBLE and int(address) > 1):
        return [last, address]
    if address.sixtofour is not None:
        return [address.sixtofour]
    return [address] if address.teredo is None else list(address.teredo)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return "%" not in host
