"""The control routes: what the operator, routers and Prometheus ask, and nobody else may.

They have a port of their own, or share the public one where only this machine can reach it; see
`ControlAccess`.
"""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import ValidationError

from matinee.server.guard import guard
from matinee.server.lifecycle import Lifecycle
from matinee.serving.access import OTHER_PAGE, ControlAccess
from matinee.serving.names import origin_allowed
from matinee.serving.refusal import Refusal
from matinee_api.contracts.pod_http import (
    DOOR_PATH,
    DRAIN_PATH,
    PROMPTS_PATH,
    SLOTS_PATH,
    DoorOrder,
    DrainOrder,
)

METRICS_PATH = "/metrics"


def add_control(app: FastAPI, life: Lifecycle, access: ControlAccess) -> None:
    """Add the routes to an application."""
    guarded = guard(app, lambda request: _refusal(request, access))
    app.include_router(_slots_and_drain(life), dependencies=[guarded])
    app.include_router(_door(life, access), dependencies=[guarded])
    app.include_router(_prompts(life), dependencies=[guarded])
    app.include_router(_metrics(life), dependencies=[] if access.open_metrics else [guarded])


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


def _door(life: Lifecycle, access: ControlAccess) -> APIRouter:
    router = APIRouter()

    @router.put(DOOR_PATH)
    async def door(request: Request) -> JSONResponse:
        try:
            order = DoorOrder.model_validate_json(await request.body())
        except ValidationError:
            error = 'the body is {"routers_only": true} or {"routers_only": false}'
            return JSONResponse({"error": error}, HTTPStatus.BAD_REQUEST)
        if order.routers_only and not access.bearers.wanted:
            error = "routers could bring no token: set server.control_token_file"
            return JSONResponse({"error": error}, HTTPStatus.CONFLICT)
        life.set_routers_only(order.routers_only)
        return JSONResponse({"routers_only": order.routers_only})

    return router


def _prompts(life: Lifecycle) -> APIRouter:
    router = APIRouter()

    @router.post(PROMPTS_PATH)
    async def reload() -> JSONResponse:
        writer = life.studio.writer
        if writer is None:
            error = "nobody writes prompts on this server: set streaming.prompt.providers"
            return JSONResponse({"error": error}, HTTPStatus.CONFLICT)
        writer.reload()
        return JSONResponse({"reloaded": True})

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
