from __future__ import annotations

from typing import Any

import pytest

from matinee.server.ports import ByPort
from matinee.serving.host_guard import App


def named(name: str, asked: list[str]) -> App:
    async def app(_scope: Any, _receive: Any, _send: Any) -> None:
        asked.append(name)

    return app


@pytest.mark.parametrize(
    ("scope", "answers"),
    [
        ({"type": "http", "server": ("10.0.0.7", 8001)}, "control"),
        ({"type": "websocket", "server": ("::1", 8001)}, "control"),
        ({"type": "http", "server": ("10.0.0.7", 8000)}, "public"),
        ({"type": "http", "server": None}, "public"),
        ({"type": "lifespan"}, "public"),
    ],
)
async def test_each_port_has_its_application(scope: dict[str, Any], answers: str) -> None:
    asked: list[str] = []
    app = ByPort(named("public", asked), named("control", asked), 8001)
    await app(scope, None, None)  # type: ignore[arg-type]
    assert asked == [answers]
