"""A way to the API server on which answers go wrong as a test plans it: a proxy on loopback."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import aiohttp
import yaml
from aiohttp import web

Fault = Literal[
    "conflict", "too many requests", "server error", "not sent", "answer lost", "gone", "held"
]
"""`not sent`: the connection breaks before the request arrives. `answer lost`: it breaks after the
request was carried out. `gone`: 410, as for a resourceVersion or a continue token that is too old;
a watch hears it in its stream. `held`: nothing is done, and nothing answered."""
STATUS: dict[Fault, tuple[int, str]] = {
    "conflict": (409, "Conflict"),
    "too many requests": (429, "TooManyRequests"),
    "server error": (500, "InternalError"),
    "gone": (410, "Expired"),
}


@dataclass(slots=True)
class Asked:
    """One request, as a plan sees it. `number` counts from 1: watches of each path by
    themselves, everything else together."""

    number: int
    method: str
    path: str
    watch: bool
    continued: bool
    """A further page of a list."""


Plan = Callable[[Asked], Fault | None]


@dataclass(slots=True)
class Way:
    """`kubeconfig` leads through the proxy; `done` counts the faults."""

    kubeconfig: Path
    done: Counter[str] = field(default_factory=Counter)
    watches_cut: int = 0
    numbers: Counter[str] = field(default_factory=Counter)


@asynccontextmanager
async def faulty_way(kubeconfig: Path, plan: Plan, watch_lines: int) -> AsyncIterator[Way]:
    """`watch_lines`: each watch is cut after so many events."""
    known = _read(kubeconfig)
    cluster = known["clusters"][0]["cluster"]
    trusted = ssl.create_default_context(cafile=cluster["certificate-authority"])
    way = Way(kubeconfig.with_name("kubeconfig-faulty"))
    timeout = aiohttp.ClientTimeout(total=None)
    connector = aiohttp.TCPConnector(limit=0)  # watches of who is gone last until their next line
    async with aiohttp.ClientSession(
        auto_decompress=False, timeout=timeout, connector=connector
    ) as session:
        proxy = _Proxy(way, plan, session, cluster["server"], trusted, watch_lines)
        app = web.Application(client_max_size=2**26)
        app.router.add_route("*", "/{path:.*}", proxy.answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        known["clusters"][0]["cluster"] = {"server": f"http://127.0.0.1:{runner.addresses[0][1]}"}
        _write(way.kubeconfig, known)
        try:
            yield way
        finally:
            await runner.cleanup()


@dataclass(slots=True)
class _Proxy:
    way: Way
    plan: Plan
    session: aiohttp.ClientSession
    upstream: str
    trusted: ssl.SSLContext
    watch_lines: int

    async def answer(self, request: web.Request) -> web.StreamResponse:
        watch, continued = request.query.get("watch") == "true", "continue" in request.query
        counted = request.path if watch else ""
        self.way.numbers[counted] += 1
        number = self.way.numbers[counted]
        asked = Asked(number, request.method, request.path, watch, continued)
        fault = self.plan(asked)
        if fault is not None:
            self.way.done[fault] += 1
        if fault in STATUS:
            return _refusal(*STATUS[fault], watch=watch)
        if fault == "not sent":
            return _broken(request)
        if fault == "held":
            await asyncio.Event().wait()  # until the proxy ends
        headers = {k: v for k, v in request.headers.items() if k.lower() != "host"}
        url, body = self.upstream + request.raw_path, await request.read()
        async with self.session.request(
            request.method, url, headers=headers, data=body or None, ssl=self.trusted
        ) as found:
            if watch and found.status == 200:
                return await self._passed_on(request, found)
            text = await found.read()
            if fault == "answer lost":
                return _broken(request)
            kept = {"Content-Type": found.headers.get("Content-Type", "application/json")}
            return web.Response(status=found.status, body=text, headers=kept)

    async def _passed_on(
        self, request: web.Request, found: aiohttp.ClientResponse
    ) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(self.watch_lines):
            line = await found.content.readline()
            if not line:
                return response
            if request.transport is None or request.transport.is_closing():
                return response
            await response.write(line)
        self.way.watches_cut += 1
        return _broken(request)


def _read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def _write(path: Path, content: Any) -> None:
    path.write_text(yaml.safe_dump(content), encoding="utf-8")


def _refusal(status: int, reason: str, *, watch: bool) -> web.Response:
    told = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": status}
    body = told | {"reason": reason, "message": f"{reason}, as planned"}
    if watch and status == 410:
        event = {"type": "ERROR", "object": body}
        return web.Response(text=json.dumps(event) + "\n", content_type="application/json")
    headers = {"Retry-After": "1"} if status == 429 else {}
    return web.json_response(body, status=status, headers=headers)


def _broken(request: web.Request) -> web.Response:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()
