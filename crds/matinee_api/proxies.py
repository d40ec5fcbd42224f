"""Which proxy leads to an address: one rule for every client of ours, whatever library it uses.

`HTTPS_PROXY`, `HTTP_PROXY` and `ALL_PROXY`, in lower case too, name a proxy that speaks HTTP.
`NO_PROXY` names what is asked directly: hosts, with all that is below them, addresses and networks
(`10.0.0.0/8`), or `*`. This machine is always asked directly. Nothing tells what a variable holds,
which may be a password.
"""

from __future__ import annotations

import contextlib
import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit
from urllib.request import getproxies_environment

from matinee_api.whole_errors import WholeError

_VARIABLES = {
    "http": ("http", "all"),
    "https": ("https", "all"),
    "ws": ("ws", "socks", "https", "http", "all"),
    "wss": ("wss", "socks", "https", "all"),
}
"""Of each scheme the variables that name its proxy, the first that is set: `http` is `HTTP_PROXY`.
A WebSocket passes a proxy as TLS does."""


class ProxyUnusable(WholeError):
    """The environment names a proxy that cannot be used."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """`url` may hold a password; `variable` is what a person may be told."""

    url: str
    variable: str


def proxy_for(url: str) -> Proxy | None:
    """None: ask directly. Raises `ProxyUnusable`."""
    parts = urlsplit(url)
    proxies = getproxies_environment()
    name = next((name for name in _VARIABLES.get(parts.scheme, ()) if name in proxies), None)
    host = (parts.hostname or "").removesuffix(".")
    exceptions = proxies.get("no", "").lower().split(",")
    if name is None or is_this_machine(host):
        return None
    if any(_is_excepted(host, f"{host}:{parts.port}", one.strip()) for one in exceptions):
        return None
    return _proxy(proxies[name], f"{name.upper()}_PROXY", host)


def is_this_machine(host: str) -> bool:
    """A name or an address of loopback. Names are not looked up."""
    name = host.lower().removesuffix(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    with contextlib.suppress(ValueError):
        address = ipaddress.ip_address(name)
        mapped = getattr(address, "ipv4_mapped", None) or address
        return bool(mapped.is_loopback or mapped.is_unspecified)
    return False


def _is_excepted(host: str, with_port: str, entry: str) -> bool:
    name = entry.removeprefix("*").removeprefix(".")
    if entry == "*" or _is_within(host, entry):
        return True
    return bool(name) and any(f".{one}".endswith(f".{name}") for one in (host, with_port))


def _is_within(host: str, network: str) -> bool:
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host) in ipaddress.ip_network(network.strip("[]"), strict=False)
    return False


def _proxy(value: str, variable: str, host: str) -> Proxy:
    url = value if "://" in value else f"http://{value}"
    without = f"or add {host} to NO_PROXY to go without one"
    try:
        parts = urlsplit(url)
        whole = bool(parts.hostname) and parts.port != 0 and url.isprintable()
    except ValueError:
        parts, whole = urlsplit(""), False
    if parts.scheme.startswith("socks"):
        problem = f"{variable} names a SOCKS proxy; only HTTP proxies can be used: set HTTPS_PROXY"
        raise ProxyUnusable(f"{problem} to one, {without}")
    if not whole or parts.scheme not in ("http", "https"):
        problem = f"{variable} names no HTTP proxy; write one as http://proxy.example.com:3128"
        raise ProxyUnusable(f"{problem}, {without}")
    return Proxy(url, variable)
