"""`/healthz`, `/readyz` and `/metrics`.

Alive means: the event loop answers, no key is stuck, and the watches miss nothing that a full
relist finds. Ready means: everything was listed once, which waits for the CRDs. A standby is ready
too.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from matinee_operator.errors import BadSettings
from matinee_operator.metrics import Metrics

STUCK_AFTER_S = 300.0


@dataclass(slots=True)
class Health:
    """`oldest_key_s` gives the age of the most overdue key."""

    oldest_key_s: Callable[[], float]
    synced: bool = False
    waits_for: str = ""
    """What has to be done by somebody else before it can begin."""
    stalled_watches: set[str] = field(default_factory=set)

    def problems(self) -> list[str]:
        """Why this process should be restarted; empty while it is healthy."""
        found = [f"the watch of {kind} is stalled" for kind in sorted(self.stalled_watches)]
        overdue = self.oldest_key_s()
        if overdue > STUCK_AFTER_S:
            found.append(f"a key waits for {overdue:.0f} s")
        return found


def health_app(health: Health, metrics: Metrics) -> web.Application:
    async def alive(_request: web.Request) -> web.Response:
        problems = health.problems()
        body = {"status": "failing" if problems else "ok", "problems": problems}
        return web.json_response(body, status=503 if problems else 200)

    async def ready(_request: web.Request) -> web.Response:
        body = {"status": "ready" if health.synced else "starting"}
        if health.waits_for:
            body["waits_for"] = health.waits_for
        return web.json_response(body, status=200 if health.synced else 503)

    async def counters(_request: web.Request) -> web.Response:
        return web.Response(text=metrics.text(), content_type="text/plain")

    app = web.Application()
    app.add_routes(
        [web.get("/healthz", alive), web.get("/readyz", ready), web.get("/metrics", counters)]
    )
    return app


@asynccontextmanager
async def serving_health(
    health: Health, metrics: Metrics, port: int, host: str | None = None
) -> AsyncIterator[int]:
    """The port; 0 asks for a free one. Without `host` every address is listened on."""
    runner = web.AppRunner(health_app(health, metrics), access_log=None)
    await runner.setup()
    try:
        await _listen(runner, host, port)
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def _listen(runner: web.AppRunner, host: str | None, port: int) -> None:
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        raise BadSettings(f"MATINEE_HEALTH_PORT {port}: {error.strerror}") from error
