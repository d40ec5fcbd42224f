"""The control routes: what the operator, routers and Prometheus ask, and nobody else may.

They have a port of their own, or share the public one where only this machine can reach it; see
`ControlAccess`.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import cast

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import ValidationError

from matinee.server.lifecycle import Lifecycle
from matinee.serving.access import OTHER_PAGE, ControlAccess
from matinee.serving.names import origin_allowed
from matinee.serving.refusal import Refusal
from matinee_api.contracts.pod_http import DRAIN_PATH, SLOTS_PATH, DrainOrder

METRICS_PATH = "/metrics"


class _Refused(Exception):
    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.reason)
        self.refusal = refusal


def add_control(app: FastAPI, life: Lifecycle, access: ControlAccess) -> None:
    """Add the routes to an application."""

    async def admitted(request: Request) -> None:
        if refusal := _refusal(request, access):
            raise _Refused(refusal)

    async def refuse(_request: Request, error: Exception) -> Response:
        refusal = cast(_Refused, error).refusal
        return JSONResponse({"error": refusal.reason}, refusal.status, dict(refusal.headers))

    app.add_exception_handler(_Refused, refuse)
    app.include_router(_slots_and_drain(life), dependencies=[Depends(admitted)])
    metrics_need = [] if access.open_metrics else [Depends(admitted)]
    app.include_router(_metrics(life), dependencies=metrics_need)


def _refusal(request: Request, access: ControlAccess) -> Refusal | None:
    """Pages of other sites are on this machine too when its user visits them."""
    headers = request.headers
    if not origin_allowed(headers.get("origin"), headers.get("host"), ()):
        return Refusal(HTTPStatus.FORBIDDEN, OTHER_PAGE)
    return access.refusal(headers, _caller(request))


def _caller(request: Request) -> str | None:
    return request.client.host if request.client else None


def _slots_and_drain(life: Lifecycle) -> APIRouter:
    router = APIRouter()

    @router.get(SLOTS_PATH)
    async def slots(request: Request) -> Response:
        lines = life.slots_feed.lines(_caller(request) or "")
        return StreamingResponse(lines, media_type="application/x-ndjson")

    @router.post(DRAIN_PATH)
    async def drain(request: Request) -> JSONResponse:
        try:
            order = DrainOrder.model_validate_json(await request.body() or b"{}")
        except ValidationError:
            error = (
                'the body is {"deadline_seconds": seconds, from 0 to 86400, '
                '"on_deadline": "migrate" or "close"}, or empty'
            )
            return JSONResponse({"error": error}, HTTPStatus.BAD_REQUEST)
        life.drain(order.deadline_seconds, tells_state=order.on_deadline == "migrate")
        return _draining(life)

    @router.delete(DRAIN_PATH)
    async def undrain() -> JSONResponse:
        if not life.undrain():
            error = "this server is shutting down, which cannot be called off"
            return JSONResponse({"error": error}, HTTPStatus.CONFLICT)
        return _draining(life)

    return router


def _draining(life: Lifecycle) -> JSONResponse:
    return JSONResponse({"draining": life.draining, "sessions": life.admission.taken})


def _metrics(life: Lifecycle) -> APIRouter:
    router = APIRouter()

    @router.get(METRICS_PATH)
    async def metrics() -> Response:
        text = generate_latest(life.metrics.registry)
        return Response(text, media_type=CONTENT_TYPE_LATEST)

    return router
