"""A server of the fake engine with nothing started yet, and its routes without a port."""

from __future__ import annotations

from typing import Any, cast

from httpx import ASGITransport, AsyncClient

from matinee.server.app import create_app
from matinee.server.lifecycle import Lifecycle
from matinee.serving.access import ControlAccess
from matinee.serving.host_guard import App
from matinee_api.config.runtime_config import (
    GeneratorConfig,
    ServeConfig,
    ServerConfig,
    StreamingConfig,
    WarmupConfig,
)
from tests.unit.runtime.worker import fake_engine


def life_of(allowed_origins: tuple[str, ...] = ()) -> Lifecycle:
    config = ServeConfig(
        generator=GeneratorConfig(model_path="fake"),
        server=ServerConfig(allowed_origins=allowed_origins, allowed_hosts=("tv", "pod")),
        streaming=StreamingConfig(max_sessions=3, warmup=WarmupConfig(enabled=False)),
    )
    return Lifecycle(config, "test", backend=fake_engine.__name__)


def app_of(life: Lifecycle, token: str | None = None) -> App:
    return create_app(life, ControlAccess(token))


def browse(app: App, caller: str = "127.0.0.1") -> AsyncClient:
    return AsyncClient(
        transport=ASGITransport(cast(Any, app), client=(caller, 5)), base_url="http://tv"
    )
