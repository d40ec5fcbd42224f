"""Who may not ask is told in the form of whatever was asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from matinee.server.lifecycle import Lifecycle
from matinee_api.config.runtime_config import (
    GeneratorConfig,
    ServeConfig,
    ServerConfig,
    StreamingConfig,
    WarmupConfig,
)
from tests.unit.runtime.server.making import app_of, browse
from tests.unit.runtime.worker import fake_engine

API = ["/v1/videos", "/v1/videos/video_0", "/v1/images/generations", "/v1/models", "/v1/model_info"]


@pytest.fixture
def life(tmp_path: Path) -> Lifecycle:
    """Of a server that wants a token."""
    token = tmp_path / "token"
    token.write_text("secret")
    config = ServeConfig(
        generator=GeneratorConfig(model_path="fake"),
        server=ServerConfig(allowed_hosts=("tv",), stream_token_file=str(token)),
        streaming=StreamingConfig(warmup=WarmupConfig(enabled=False)),
    )
    return Lifecycle(config, "test", backend=fake_engine.__name__)


@pytest.mark.parametrize("path", API)
async def test_below_openais_paths_a_refusal_has_its_form(life: Lifecycle, path: str) -> None:
    async with browse(app_of(life)) as client:
        method = "POST" if path.endswith("generations") else "GET"
        answer = await client.request(method, path)
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (401, "invalid_api_key")
        assert error.keys() == {"message", "type", "param", "code"}
        assert answer.headers["www-authenticate"] == "Bearer"
        strange = await client.request(method, path, headers={"host": "evil.example"})
        assert (strange.status_code, strange.json()["error"]["code"]) == (
            421,
            "misdirected_request",
        )


async def test_elsewhere_it_is_a_sentence(life: Lifecycle) -> None:
    async with browse(app_of(life)) as client:
        strange = await client.get("/healthz", headers={"host": "evil.example"})
        assert isinstance(strange.json()["error"], str)
        missing = await client.get("/nothing")
        assert (missing.status_code, missing.json()) == (404, {"detail": "Not Found"})
