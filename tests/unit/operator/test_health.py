from __future__ import annotations

import aiohttp
import pytest

from matinee_operator.health import Health, serving_health
from matinee_operator.metrics import Metrics


@pytest.fixture
def health() -> Health:
    return Health(oldest_key_s=lambda: 0.0)


async def answer(health: Health, path: str) -> tuple[int, str]:
    async with (
        serving_health(health, Metrics(), 0, "127.0.0.1") as port,
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}{path}") as response,
    ):
        return response.status, await response.text()


async def test_a_process_that_works_is_alive(health: Health) -> None:
    assert await answer(health, "/healthz") == (200, '{"status": "ok", "problems": []}')


async def test_a_quiet_watch_or_a_stuck_key_fails_the_liveness(health: Health) -> None:
    health.stalled_watches.add("Pod")
    health.oldest_key_s = lambda: 301.0
    status, text = await answer(health, "/healthz")
    assert status == 503
    assert "the watch of Pod is stalled" in text
    assert "a key waits for 301 s" in text


async def test_it_is_ready_once_everything_was_listed(health: Health) -> None:
    assert (await answer(health, "/readyz"))[0] == 503
    health.synced = True
    assert (await answer(health, "/readyz"))[0] == 200


async def test_metrics_are_served(health: Health) -> None:
    status, text = await answer(health, "/metrics")
    assert status == 200
    assert "# TYPE matinee_operator_queue_depth gauge" in text
