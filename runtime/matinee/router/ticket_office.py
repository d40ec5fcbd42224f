"""`POST /v1/tickets`: a page's key in, a ticket for one stream out.

Pages of other origins that may open streams may ask here too, so a browser is told so (CORS).
"""

from __future__ import annotations

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from matinee.router.gate import OTHER_ORIGIN, Gate
from matinee.serving.keys import given_key
from matinee.serving.refusal import Refusal

PREFLIGHT = {
    "access-control-allow-methods": "POST",
    "access-control-allow-headers": "authorization",
    "access-control-max-age": "600",
}


class TicketOffice:
    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    async def answer(self, request: Request) -> Response:
        origins = request.headers.getlist("origin")
        if not self._gate.origins_fit(origins, request.headers.get("host")):
            return _refused(Refusal(HTTPStatus.FORBIDDEN, OTHER_ORIGIN))
        shared = {"vary": "origin", "cache-control": "no-store"}
        if origins:
            shared["access-control-allow-origin"] = origins[0]
        if request.method == "OPTIONS":
            return Response(status_code=HTTPStatus.NO_CONTENT, headers=shared | PREFLIGHT)
        ticket = self._gate.ticket(given_key(request.headers))
        if isinstance(ticket, Refusal):
            return _refused(ticket, shared)
        body = {"ticket": ticket.text, "expires_in_seconds": ticket.seconds}
        return JSONResponse(body, headers=shared)


def _refused(refusal: Refusal, headers: dict[str, str] | None = None) -> Response:
    body = {"error": refusal.reason}
    return JSONResponse(body, refusal.status, {**refusal.headers, **(headers or {})})
