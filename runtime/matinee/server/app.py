"""The ASGI application: routes over a `Lifecycle` that is passed in."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse, StreamingResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import ValidationError
from starlette.websockets import WebSocket

from matinee.player.assets import Asset, load_assets
from matinee.server import health, models
from matinee.server.lifecycle import Lifecycle
from matinee.server.slots_feed import TooManyReaders
from matinee.server.websocket import Connection
from matinee.serving.access import may_drain, origin_allowed
from matinee.serving.http_manners import HttpManners
from matinee_api.contracts.pod_http import (
    ALIVE_PATH,
    DRAIN_PATH,
    READY_PATH,
    SLOTS_PATH,
    DrainOrder,
)


def create_app(life: Lifecycle, admin_token: str | None = None) -> FastAPI:
    """`admin_token`: what `POST /v1/drain` wants as bearer; None: callers on this machine only."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with life.running():
            yield

    app = FastAPI(title="Matinee", docs_url=None, redoc_url=None, lifespan=lifespan)
    app.include_router(_probes(life))
    app.include_router(_control(life, admin_token))
    app.include_router(_models(life))
    app.include_router(_player(load_assets()))
    _add_stream(app, life)
    app.add_middleware(HttpManners)
    return app


def _probes(life: Lifecycle) -> APIRouter:
    router = APIRouter()

    @router.get(ALIVE_PATH)
    async def healthz() -> JSONResponse:
        code = HTTPStatus.SERVICE_UNAVAILABLE if life.failed.is_set() else HTTPStatus.OK
        return JSONResponse(health.alive(life), code)

    @router.get("/health")
    async def overview() -> JSONResponse:
        return JSONResponse(health.overview(life))

    @router.get(READY_PATH)
    async def readyz() -> JSONResponse:
        code = HTTPStatus.OK if life.ready else HTTPStatus.SERVICE_UNAVAILABLE
        return JSONResponse(health.readiness(life), code)

    @router.get("/status")
    async def status() -> JSONResponse:
        return JSONResponse(health.status(life))

    @router.get("/metrics")
    async def metrics() -> Response:
        text = generate_latest(life.metrics.registry)
        return Response(text, media_type=CONTENT_TYPE_LATEST)

    return router


def _control(life: Lifecycle, admin_token: str | None) -> APIRouter:
    router = APIRouter()

    @router.get(SLOTS_PATH)
    async def slots() -> Response:
        try:
            lines = life.slots_feed.open()
        except TooManyReaders:
            return JSONResponse({"error": "too many readers"}, HTTPStatus.SERVICE_UNAVAILABLE)
        return StreamingResponse(lines, media_type="application/x-ndjson")

    @router.post(DRAIN_PATH)
    async def drain(request: Request) -> JSONResponse:
        if not _is_admin(request, admin_token):
            error = "draining needs the admin token, or a caller on this machine when none is set"
            return JSONResponse({"error": error}, HTTPStatus.FORBIDDEN)
        try:
            order = DrainOrder.model_validate_json(await request.body() or b"{}")
        except ValidationError:
            error = (
                'the body is {"deadline_seconds": seconds, from 0 to 86400, '
                '"on_deadline": "migrate" or "close"}, or empty'
            )
            return JSONResponse({"error": error}, HTTPStatus.BAD_REQUEST)
        life.drain(order.deadline_seconds, tells_state=order.on_deadline == "migrate")
        return JSONResponse({"draining": True, "sessions": life.admission.taken})

    return router


def _is_admin(request: Request, admin_token: str | None) -> bool:
    """Pages of other sites are on this machine too when its user visits them."""
    headers = request.headers
    if not origin_allowed(headers.get("origin"), headers.get("host"), ()):
        return False
    caller = request.client.host if request.client else None
    return may_drain(admin_token, headers.get("authorization"), caller)


def _models(life: Lifecycle) -> APIRouter:
    router, created = APIRouter(), int(time.time())

    @router.get("/v1/models")
    async def listed() -> JSONResponse:
        info = life.pool.info
        if info is None:
            return _still_loading()
        return JSONResponse(models.model_list([models.model(info, life.config, created)]))

    @router.get("/v1/models/{name:path}")
    async def one(name: str) -> JSONResponse:
        info = life.pool.info
        if info is None:
            return _still_loading()
        if name != info.model_id:
            problem = models.error(f"there is no such model; present: {info.model_id}", "not_found")
            return JSONResponse(problem, HTTPStatus.NOT_FOUND)
        return JSONResponse(models.model(info, life.config, created))

    return router


def _still_loading() -> JSONResponse:
    """What the model can do is known when it is loaded."""
    problem = models.error("the model is still being loaded", "model_not_ready")
    headers = {"retry-after": str(models.RETRY_AFTER_S)}
    return JSONResponse(problem, HTTPStatus.SERVICE_UNAVAILABLE, headers)


def _player(assets: dict[str, Asset]) -> APIRouter:
    router = APIRouter()

    @router.get("/")
    async def root() -> RedirectResponse:
        return RedirectResponse("player")

    @router.get("/player")
    @router.get("/player/{name}")
    async def player(request: Request) -> Response:
        asset = assets.get(request.url.path.rstrip("/"))
        if asset is None:
            return Response(status_code=HTTPStatus.NOT_FOUND)
        if request.headers.get("if-none-match") == asset.etag:
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=asset.headers)
        return Response(asset.body, headers=asset.headers)

    return router


def _add_stream(app: FastAPI, life: Lifecycle) -> None:
    @app.websocket("/v1/stream")
    async def stream(socket: WebSocket) -> None:
        allowed = life.config.server.allowed_origins
        if not origin_allowed(socket.headers.get("origin"), socket.headers.get("host"), allowed):
            await _refuse(socket, HTTPStatus.FORBIDDEN, "this origin may not stream")
        elif life.draining:
            await _refuse(socket, HTTPStatus.SERVICE_UNAVAILABLE, "this server is draining")
        else:
            connection = Connection(socket, life.config, life.admission, life.studio)
            with life.serving(connection):
                await connection.run()

    @app.websocket("/{path:path}")
    async def elsewhere(socket: WebSocket) -> None:
        await _refuse(socket, HTTPStatus.NOT_FOUND, "there is no stream here, only at /v1/stream")


async def _refuse(socket: WebSocket, status: HTTPStatus, reason: str) -> None:
    """Answer before the upgrade, so that a router can try elsewhere."""
    await socket.send_denial_response(JSONResponse({"error": reason}, status))
