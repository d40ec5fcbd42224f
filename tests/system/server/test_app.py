from __future__ import annotations

import json

import pytest

from tests.places import ROOT
from tests.unit.runtime.server.making import app_of, browse, life_of


async def test_a_server_with_a_ready_worker_over_its_whole_life(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(ROOT)
    life = life_of()
    app = app_of(life)
    async with browse(app) as client:
        async with life.running():
            await life.pool.ready()
            readyz = await client.get("/readyz")
            assert (readyz.status_code, readyz.json()["status"]) == (200, "ready")
            assert life.slots().free == 3
            assert (await client.get("/status")).json()["gpu_status"]["0"]["ready"]
            metrics = (await client.get("/metrics")).text
            assert "matinee_slots 3.0" in metrics
            lines = life.slots_feed.lines()
            assert json.loads(await anext(lines))["total"] == 3
            life.drain(60.0)
            news = json.loads(await anext(lines))
            assert (news["draining"], news["free"], news["ready"]) == (True, 0, False)
            assert (await client.get("/readyz")).status_code == 503
        assert [line async for line in lines] == []
    assert life.pool.workers[0].pid is None
