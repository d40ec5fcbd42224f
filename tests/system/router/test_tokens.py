"""Servers that take viewers from a router only, which brings a token for them."""

from __future__ import annotations

from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus

from tests.system.end_to_end.serving import fake_pod, running
from tests.system.end_to_end.viewing import messages_of, raw, session
from tests.system.router.routing import routing


async def test_viewers_come_through_the_router_alone_and_its_token_may_change(
    tmp_path: Path,
) -> None:
    wanted, brought = tmp_path / "wanted", tmp_path / "brought"
    wanted.write_text("first")
    brought.write_text("first")
    with running(fake_pod(stream_token_file=str(wanted)), tmp_path / "log") as pod:
        with pytest.raises(InvalidStatus) as refused:
            async with raw(pod):
                pass
        assert refused.value.response.status_code == 401
        assert pod.get("/v1/models").status_code == 401
        replica = {"url": pod.url, "stream_token_file": str(brought)}
        queue = {"no_backend_seconds": 0.2, "longest_seconds": 0.2}
        with routing(tmp_path, [replica], queue=queue) as router:
            async with session(router) as viewer:
                await viewer.segment("a ball")
                await viewer.end()
            assert router.get("/v1/models").status_code == 200
            wanted.write_text("first\nsecond\n")  # as a Secret is rotated
            brought.write_text("second")
            async with session(router) as viewer:
                await viewer.segment("a cube")
                await viewer.end()
            brought.write_text("guess")
            async with session(router) as viewer:
                (error,) = messages_of(await viewer.rest(), "error")
            assert (error["code"], error["retryable"]) == ("gpu_unavailable", True)
            assert "see stream_token_file" in router.log.read_text()
            assert router.get("/v1/models").status_code == 502
