"""What the router answers over plain HTTP: how it is, what is behind it, and what it forwards."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from matinee.router.forwarding import Forwarding
from matinee.router.gate import Gate
from matinee.router.job_forwarding import IMAGES_PATH, VIDEOS_PATH, JobForwarding
from matinee.router.reception import Reception
from matinee.router.table import Backend, Table
from matinee.router.ticket_office import TicketOffice
from matinee.serving.access import OTHER_PAGE, ControlAccess
from matinee.serving.host_guard import App, HostGuard
from matinee.serving.http_manners import HttpManners
from matinee.serving.keys import given_key
from matinee.serving.line_feed import LineFeed
from matinee.serving.names import origin_allowed
from matinee.serving.refusal import Refusal
from matinee_api.contracts.pod_http import TABLE_PATH, TICKETS_PATH

SERVICE = "matinee-router"
Handler = Callable[[Request], Awaitable[Response]]


def create_app(
    table: Table,
    reception: Reception,
    gate: Gate,
    access: ControlAccess,
    feed: LineFeed,
    timeout_s: float,
) -> App:
    """All routes; `access`: to those of the control; `feed`: of the state."""
    forward = Forwarding(table, timeout_s).get
    answers = Answers(table, reception, gate, feed)
    routes = [
        Route("/healthz", answers.alive),
        Route("/health", answers.alive),
        Route("/readyz", answers.ready),
        Route("/status", answers.status),
        Route("/v1/backends", _controlled(access.refusal, answers.backends)),
        Route(TABLE_PATH, _controlled(access.refusal, answers.table)),
        Route("/v1/sessions", _controlled(access.refusal, answers.sessions)),
        Route("/metrics", answers.metrics)
        if access.open_metrics
        else Route("/metrics", _controlled(access.metrics_refusal, answers.metrics)),
        Route("/", forward),
        Route("/player", forward),
        Route("/player/{name}", forward),
        Route(TICKETS_PATH, TicketOffice(gate).answer, methods=["POST", "OPTIONS"]),
        *_openai(JobForwarding(table, gate).answer, _for_holders(gate, forward)),
    ]
    app = Starlette(routes=routes, middleware=[Middleware(HttpManners)])
    return HostGuard(app, gate.own_names)


def _openai(jobs: Handler, forward: Handler) -> list[Route]:
    return [
        Route("/v1/models", forward),
        Route("/v1/models/{name:path}", forward),
        Route("/v1/model_info", forward),
        Route(VIDEOS_PATH, jobs, methods=["GET", "POST"]),
        Route(f"{VIDEOS_PATH}/{{rest:path}}", jobs, methods=["GET", "POST", "DELETE"]),
        Route(f"{IMAGES_PATH}/{{rest:path}}", jobs, methods=["POST"]),
    ]


class Answers:
    """From the router's own state."""

    def __init__(self, table: Table, reception: Reception, gate: Gate, feed: LineFeed) -> None:
        self._table = table
        self._reception = reception
        self._gate = gate
        self._feed = feed
        self._was_ready = False

    async def alive(self, _request: Request) -> Response:
        return JSONResponse({"status": "ok", "service": SERVICE, "ts": _now()})

    async def ready(self, _request: Request) -> Response:
        """Each backend that there was at the start was asked once. It stays so without any that is
        healthy: viewers are told, or queued, which no other router could do better."""
        ready = self._was_ready = self._was_ready or self._table.all_asked
        body = {
            "status": "ready" if ready else "warming",
            "service": SERVICE,
            "backends": len(self._table),
            "healthy_backends": sum(one.takes_new for one in self._table),
            "ts": _now(),
        }
        return JSONResponse(body, HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE)

    async def status(self, _request: Request) -> Response:
        """FastVideo's fields of each replica, and more."""
        shared = self._reception.shared
        return JSONResponse(
            {
                "replicas": [_replica(one) for one in self._table],
                "sessions": sum(len(one.sessions) for one in self._table),
                "queued": self._reception.queued,
                "queue_shared": shared.reachable if shared is not None else None,
                "limits_shared": self._limits_shared(),
                "open_to_anybody": self._gate.open,
            }
        )

    def _limits_shared(self) -> bool | None:
        """Whether what a key allows counts at all routers together; None where there are none."""
        shared = self._reception.shared
        return None if self._gate.open else shared is not None and shared.reachable

    async def backends(self, _request: Request) -> Response:
        return JSONResponse({"backends": [_backend(one) for one in self._table]})

    async def table(self, request: Request) -> Response:
        caller = request.client.host if request.client else ""
        return StreamingResponse(self._feed.lines(caller), media_type="application/x-ndjson")

    async def sessions(self, _request: Request) -> Response:
        """Those that play, and those that are queued."""
        return JSONResponse({"sessions": self._reception.facts()})

    async def metrics(self, _request: Request) -> Response:
        text = generate_latest(self._reception.tally.registry)
        return Response(text, media_type=CONTENT_TYPE_LATEST)


def _replica(one: Backend) -> dict[str, Any]:
    return {
        "url": one.address.url,
        "name": one.address.name,
        "primary": one.address.primary,
        "weight": one.address.weight,
        "status": one.health,
        "last_ok_at": one.last_ok_at,
        "last_latency_ms": one.last_latency_ms,
        "consecutive_failures": one.consecutive_failures,
        "takes_new": one.takes_new,
        "sessions": len(one.sessions),
    }


def _backend(one: Backend) -> dict[str, Any]:
    slots = one.slots.model_dump(mode="json") if one.slots else None
    return {**_replica(one), "free": one.free, "slots": slots}


def _controlled(
    asked: Callable[[Mapping[str, str], str | None], Refusal | None], handler: Handler
) -> Handler:
    async def guarded(request: Request) -> Response:
        headers = request.headers
        refusal = asked(headers, request.client.host if request.client else None)
        if not origin_allowed(headers.get("origin"), headers.get("host"), ()):
            refusal = Refusal(HTTPStatus.FORBIDDEN, OTHER_PAGE)
        return _refused(refusal) if refusal else await handler(request)

    return guarded


def _for_holders(gate: Gate, handler: Handler) -> Handler:
    async def guarded(request: Request) -> Response:
        entry = gate.holder(given_key(request.headers))
        if isinstance(entry, Refusal):
            return _refused(entry, request.url.path)
        return await handler(request)

    return guarded


def _refused(refusal: Refusal, path: str = "") -> Response:
    return JSONResponse({"error": refusal.error(path)}, refusal.status, dict(refusal.headers))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
