from __future__ import annotations

import asyncio
import signal
from typing import Any

import pytest
import uvicorn

from matinee.serving.graceful_server import GracefulServer


def test_a_signal_before_it_serves_begins_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """Else what was begun would be cancelled, and told with a traceback."""
    begun: list[str] = []

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        begun.append(scope["type"])

    async def serve() -> None:
        server = GracefulServer(uvicorn.Config(app, lifespan="on", log_config=None), shut_down)
        signal.raise_signal(signal.SIGINT)
        await server.serve()

    async def shut_down() -> None:
        """There is nobody to be told."""

    with asyncio.Runner() as runner, pytest.raises(KeyboardInterrupt):
        runner.run(serve())
    assert (begun, caplog.messages) == ([], [])
