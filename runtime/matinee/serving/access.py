"""Who may use the control routes: bearers of a token, or this machine where there is none."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from matinee.serving.bearers import Bearers
from matinee.serving.refusal import Refusal

ADMIN_TOKEN_VARIABLE = "MATINEE_ADMIN_TOKEN"  # noqa: S105 (a name, not a secret)
OPEN_TO_NOBODY = (
    "the control routes are off: this server can be reached from other machines and has no token. "
    "Set server.control_token_file (of a router: router.control_token_file) or the variable "
    f"{ADMIN_TOKEN_VARIABLE}; or give the routes of a server a port for this machine alone: "
    "server.control_port, with server.control_host: 127.0.0.1"
)
NEEDS_A_TOKEN = "this needs the header Authorization: Bearer TOKEN, with the control token"  # noqa: S105
OTHER_PAGE = "pages of other sites may not use the control routes"


@dataclass(frozen=True, slots=True)
class ControlAccess:
    """`token`, and those of `token_file`: see `Bearers`.
    `private`: the port can be reached from this machine alone. `open_metrics`: they need no token.
    `metrics_file`: tokens that open the metrics and nothing else.
    """

    token: str | None = None
    token_file: Path | None = None
    private: bool = True
    open_metrics: bool = False
    metrics_file: Path | None = None

    @property
    def bearers(self) -> Bearers:
        return Bearers(self.token, self.token_file)

    def check(self, key: str = "server.control_token_file") -> None:
        """Raises as `Bearers.check` does."""
        self.bearers.check(key)

    def refusal(self, headers: Mapping[str, str], caller: str | None) -> Refusal | None:
        """None: it may. `headers` have names in lower case; `caller`: its address."""
        if headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            return Refusal(HTTPStatus.FORBIDDEN, OTHER_PAGE)
        if self.bearers.wanted:
            if self.bearers.fit(headers.get("authorization", "")):
                return None
            return Refusal(HTTPStatus.UNAUTHORIZED, NEEDS_A_TOKEN, {"www-authenticate": "Bearer"})
        if self.private and _is_this_machine(caller):
            return None
        return Refusal(HTTPStatus.FORBIDDEN, OPEN_TO_NOBODY)

    def metrics_refusal(self, headers: Mapping[str, str], caller: str | None) -> Refusal | None:
        """The same of the metrics."""
        refusal = self.refusal(headers, caller)
        if refusal is None or self.metrics_file is None:
            return refusal
        scrapers = ControlAccess(token_file=self.metrics_file, private=False)
        return scrapers.refusal(headers, caller)


def is_loopback(address: str) -> bool:
    """Also of an IPv4 address in IPv6's form. A name is none."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return (mapped or parsed).is_loopback


def _is_this_machine(caller: str | None) -> bool:
    return caller is not None and is_loopback(caller)
