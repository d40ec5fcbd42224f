from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from matinee.cli import main, serve
from matinee.errors import InvalidRequest, WorkerFailed
from matinee.server import host
from matinee.server.doors import Doors
from matinee.serving.listening import url_of
from matinee_api.config.runtime_config import ServeConfig

CONFIG = "generator:\n  model_path: builtin:tiny\nserver:\n  port: 0\n"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "serve.yaml"
    path.write_text(CONFIG)
    return path


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    """What would have been served; it says that it is ready."""
    calls: list[dict[str, Any]] = []

    def fake(
        config: ServeConfig,
        doors: Doors,
        name: str,
        admin_token: str | None,
        on_ready: Callable[[str], None],
        workers: None,
    ) -> None:
        calls.append({"config": config, "name": name, "admin_token": admin_token})
        on_ready(url_of(doors.public))
        doors.close()

    monkeypatch.setattr(host, "serve", fake)
    monkeypatch.setattr(serve, "workers_first", lambda config, _backend: nullcontext(config))
    monkeypatch.setattr(serve, "log_to_stderr", lambda: None)
    return calls  # type: ignore[return-value]


def test_one_line_tells_where_the_player_is(
    config: Path, served: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["serve", "--config", str(config)]) == 0
    out = capsys.readouterr().out
    assert out.startswith("ready: http://127.0.0.1:")
    assert out.endswith("/player\n")
    assert served[0]["admin_token"] is None


def test_words_override_keys_of_the_file(config: Path, served: list[dict[str, Any]]) -> None:
    words = ["--streaming.pool.num_workers", "2", "--streaming.max_sessions=3"]
    assert main(["serve", "--config", str(config), *words]) == 0
    streaming = served[0]["config"].streaming
    assert (streaming.pool.num_workers, streaming.max_sessions) == (2, 3)


@pytest.mark.parametrize(("value", "token"), [("secret", "secret"), ("", None)])
def test_the_admin_token_comes_from_the_environment(
    value: str,
    token: str | None,
    config: Path,
    served: list[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MATINEE_ADMIN_TOKEN", value)
    main(["serve", "--config", str(config)])
    assert served[0]["admin_token"] == token


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("generator: {model_path: a}\nstreamign: {}\n", "streaming"),
        ("generator: {model_path: a}\nstreaming: {max_sesions: 1}\n", "streaming.max_sesions"),
        ("generator: {model_path: a}\nserver: {port: 70000}\n", "server.port"),
        ("generator: {model_path: a}\nserver: {port: true}\n", "server.port"),
        ("generator: [", "serve.yaml"),
        ("", "generator"),
    ],
)
def test_a_mistake_in_the_file_is_told_with_its_dotted_path(
    text: str,
    says: str,
    config: Path,
    served: list[dict[str, Any]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    config.write_text(text)
    assert main(["serve", "--config", str(config)]) == 2
    out, err = capsys.readouterr()
    assert says in err
    assert out == ""
    assert served == []


def test_a_model_that_is_not_here_is_told_with_its_key(
    config: Path, served: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    config.write_text(CONFIG.replace("builtin:tiny", "builtin:tni"))
    assert main(["serve", "--config", str(config)]) == 2
    says = f"matinee: {config}: generator.model_path: builtin:tni is not part of this installation"
    assert says in capsys.readouterr().err
    assert served == []


def test_a_missing_file_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--config", "/nowhere/serve.yaml"]) == 2
    assert "/nowhere/serve.yaml" in capsys.readouterr().err


def test_a_port_in_use_is_a_failure(
    config: Path, served: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["serve", "--config", str(config), f"--server.port={port}"]) == 1
    err = capsys.readouterr().err
    assert f"matinee: cannot listen on 127.0.0.1:{port}" in err
    assert served == []


def test_a_model_that_cannot_run_is_a_failure(
    config: Path,
    served: list[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(_config: ServeConfig, doors: Doors, **_rest: object) -> None:
        doors.close()
        raise WorkerFailed("no weights in /models/x; download them with ...")

    monkeypatch.setattr(host, "serve", fail)
    assert main(["serve", "--config", str(config)]) == 1
    assert "matinee: no weights in /models/x" in capsys.readouterr().err


def test_a_default_that_the_model_cannot_make_is_told_with_its_key(
    config: Path,
    served: list[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def refuse(_config: ServeConfig, doors: Doors, **_rest: object) -> None:
        doors.close()
        raise InvalidRequest("width", "must be a multiple of 32, got 65")

    monkeypatch.setattr(host, "serve", refuse)
    assert main(["serve", "--config", str(config)]) == 2
    says = f"matinee: {config}: default_request.sampling.width must be a multiple of 32, got 65\n"
    assert capsys.readouterr().err == says


def test_nothing_of_the_root_logger_is_changed_by_a_wrong_file() -> None:
    before = list(logging.getLogger().handlers)
    main(["serve", "--config", "/nowhere/serve.yaml"])
    assert logging.getLogger().handlers == before


@pytest.mark.parametrize("store", ["file", "memory"])
def test_a_state_folder_that_cannot_be_written_is_told_before_anybody_is_served(
    store: str,
    config: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(serve, "log_to_stderr", lambda: None)
    words = ["--streaming.state.store", store, "--streaming.state.directory", "/proc/nothing"]
    assert main(["serve", "--config", str(config), *words]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "matinee: streaming.state.directory: cannot write to /proc/nothing" in said.err


def test_a_token_file_without_a_token_is_told_before_anybody_is_served(
    config: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(serve, "log_to_stderr", lambda: None)
    words = ["--server.control_token_file", str(tmp_path / "token")]
    assert main(["serve", "--config", str(config), *words]) == 2
    assert "matinee: server.control_token_file: " in capsys.readouterr().err
