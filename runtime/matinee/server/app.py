"""The ASGI application: routes over a `Lifecycle` that is passed in."""

from __future__ import annotations

import platform
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any, cast

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from starlette.exceptions import HTTPException
from starlette.websockets import WebSocket

from matinee.player.assets import Asset, load_assets
from matinee.server import health
from matinee.server.api_errors import no_such_route
from matinee.server.characters import characters_router
from matinee.server.control import add_control
from matinee.server.forwarded import Forwarded
from matinee.server.from_videos import from_videos_router
from matinee.server.guard import guard
from matinee.server.images import images_router
from matinee.server.lifecycle import Lifecycle
from matinee.server.models import models_router
from matinee.server.ports import ByPort
from matinee.server.videos import videos_router
from matinee.server.viewers_door import ViewersDoor
from matinee.server.websocket import Connection
from matinee.serving.access import ControlAccess
from matinee.serving.bearers import Bearers
from matinee.serving.host_guard import App, HostGuard
from matinee.serving.http_manners import HttpManners
from matinee.serving.names import origin_allowed
from matinee_api.config.runtime_config import ServerConfig
from matinee_api.contracts.pod_http import (
    ALIVE_PATH,
    MOVES_HEADER,
    QUEUE_ELSEWHERE,
    QUEUE_HEADER,
    READY_PATH,
)

OPENAI = (models_router, videos_router, from_videos_router, characters_router, images_router)
"""Routes of OpenAI's API."""


def create_app(life: Lifecycle, access: ControlAccess, control_port: int | None = None) -> App:
    """All that the server answers. Without a `control_port` the one port has the control routes
    too."""
    app: App
    public = public_app(life, access)
    if control_port is None:
        add_control(public, life, access)
        app = public
    else:
        app = ByPort(public, control_app(life, access), control_port)
    return HostGuard(app, _own_names(life.config.server))


def public_app(life: Lifecycle, access: ControlAccess) -> FastAPI:
    """What viewers ask, and routers for them: these have the tokens of the control."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with life.running():
            yield

    app = FastAPI(title="Matinee", docs_url=None, redoc_url=None, lifespan=lifespan)
    app.add_exception_handler(HTTPException, cast(Any, no_such_route))
    app.include_router(_probes(life))
    file = life.config.server.stream_token_file
    own = Bearers(file=Path(file) if file else None)
    door = ViewersDoor(own, access.bearers, lambda: life.routers_only)
    known = guard(app, lambda request: door.refusal(request.headers))
    for router in OPENAI:
        app.include_router(router(life), dependencies=[known])
    app.include_router(_player(load_assets()))
    _add_stream(app, life, door)
    app.add_middleware(Forwarded, trusted=lambda headers: door.refusal(headers) is None)
    app.add_middleware(HttpManners)
    return app


def control_app(life: Lifecycle, access: ControlAccess) -> FastAPI:
    """What the control port answers: probes to anybody, the rest by `access`."""
    app = FastAPI(title="Matinee control", openapi_url=None)
    app.include_router(_probes(life))
    add_control(app, life, access)
    app.add_middleware(HttpManners)
    return app


def _own_names(server: ServerConfig) -> tuple[str, ...]:
    """Besides those of loopback: what the machine is called, also on its own network (mDNS)."""
    node = platform.node()
    return (*server.allowed_hosts, server.host, node, f"{node}.local")


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

    return router


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


def _add_stream(app: FastAPI, life: Lifecycle, door: ViewersDoor) -> None:
    @app.websocket("/v1/stream")
    async def stream(socket: WebSocket) -> None:
        allowed = life.config.server.allowed_origins
        if not origin_allowed(socket.headers.get("origin"), socket.headers.get("host"), allowed):
            await _refuse(socket, HTTPStatus.FORBIDDEN, "this origin may not stream")
        elif refusal := door.refusal(socket.headers):
            await refusal.answer(socket.scope, socket.send)
        elif life.draining:
            await _refuse(socket, HTTPStatus.SERVICE_UNAVAILABLE, "this server is draining")
        elif _queues_elsewhere(socket) and not life.admission.free:
            await _refuse(socket, HTTPStatus.SERVICE_UNAVAILABLE, "no slot is free")
        else:
            moves = MOVES_HEADER in socket.headers and bool(life.store_name)
            connection = Connection(socket, life.config, life.admission, life.studio, moves=moves)
            with life.serving(connection):
                await connection.run()

    @app.websocket("/{path:path}")
    async def elsewhere(socket: WebSocket) -> None:
        await _refuse(socket, HTTPStatus.NOT_FOUND, "there is no stream here, only at /v1/stream")


def _queues_elsewhere(socket: WebSocket) -> bool:
    """A router rather tries another pod than to have its viewer queued at this one."""
    return socket.headers.get(QUEUE_HEADER) == QUEUE_ELSEWHERE


async def _refuse(socket: WebSocket, status: HTTPStatus, reason: str) -> None:
    """Answer before the upgrade, so that a router can try elsewhere."""
    await socket.send_denial_response(JSONResponse({"error": reason}, status))
