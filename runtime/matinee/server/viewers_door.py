"""Who may open streams at this server: anybody, or routers only, which bring a token."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from matinee.serving.bearers import Bearers
from matinee.serving.refusal import Refusal

NEEDS_A_ROUTER = "viewers come to this server through its router, which brings a token"


@dataclass(frozen=True, slots=True)
class ViewersDoor:
    """`own`: tokens that are wanted of everybody, if there are any. `control`: those that are
    wanted while there is the order to let `routers_only` in, and fit then beside the others."""

    own: Bearers
    control: Bearers
    routers_only: Callable[[], bool]

    def refusal(self, headers: Mapping[str, str]) -> Refusal | None:
        """`headers` have names in lower case."""
        routers_only = self.routers_only()
        if not (self.own.wanted or routers_only):
            return None
        given = headers.get("authorization", "")
        if self.own.fit(given) or (routers_only and self.control.fit(given)):
            return None
        return Refusal(HTTPStatus.UNAUTHORIZED, NEEDS_A_ROUTER, {"www-authenticate": "Bearer"})
