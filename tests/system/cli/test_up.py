from __future__ import annotations

import webbrowser
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from matinee.cli import main, up
from matinee_api.config.runtime_config import ServeConfig
from tests.places import EXAMPLES, ROOT

QUICKSTART = ROOT / "examples" / "quickstart.yaml"


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[ServeConfig]:
    """The configurations that would have been served."""
    configs: list[ServeConfig] = []

    def fake(config: ServeConfig, _names: Mapping[str, str], show: Callable[[str], None]) -> int:
        configs.append(config)
        show("http://127.0.0.1:8000/player")
        return 0

    monkeypatch.setattr(up, "run_server", fake)
    return configs


@pytest.fixture(autouse=True)
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The pages that would have been opened."""
    pages: list[str] = []
    monkeypatch.setattr(webbrowser, "open", pages.append)
    return pages


def test_the_quickstart_is_served_on_this_machine(served: list[ServeConfig]) -> None:
    assert main(["up", "-f", str(QUICKSTART)]) == 0
    (config,) = served
    assert (config.server.host, config.server.port) == ("127.0.0.1", 8000)
    assert config.generator.model_path == "builtin:tiny"
    assert config.streaming.max_sessions == 4


def test_the_command_line_says_where(served: list[ServeConfig], tmp_path: Path) -> None:
    words = ["--host", "::1", "--port", "0", "--state-dir", str(tmp_path)]
    assert main(["up", "-f", str(QUICKSTART), *words]) == 0
    assert (served[0].server.host, served[0].server.port) == ("::1", 0)
    assert served[0].streaming.state.directory == str(tmp_path)


@pytest.mark.parametrize(
    ("words", "display", "pages"),
    [
        ([], ":0", 0),
        (["--open"], ":0", 1),
        (["--open"], "", 0),
    ],
)
def test_the_player_is_opened_where_it_is_asked_for_and_there_is_a_desktop(
    words: list[str],
    display: str,
    pages: int,
    served: list[ServeConfig],
    opened: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("DISPLAY", display)
    assert main(["up", "-f", str(QUICKSTART), *words]) == 0
    assert opened == ["http://127.0.0.1:8000/player"] * pages


@pytest.mark.parametrize("port", ["-1", "65536", "http", "80.5", "", "²", "1_0", "9" * 5000])
def test_what_is_not_a_port_is_refused(
    port: str, served: list[ServeConfig], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["up", "-f", str(QUICKSTART), f"--port={port}"])
    assert end.value.code == 2
    assert "is not a port; choose 0 to 65535" in capsys.readouterr().err
    assert served == []


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("kind: VideoModel", "kind: VideoModle", "VideoModel"),
        ("source:", "sourse:", "source"),
        ("spec:", "spec: [", ""),
    ],
)
def test_a_mistake_in_the_file_is_told_with_its_place_and_the_nearest_key(
    old: str,
    new: str,
    says: str,
    served: list[ServeConfig],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = QUICKSTART.read_text()
    assert old in text
    path = tmp_path / "wrong.yaml"
    path.write_text(text.replace(old, new, 1))
    assert main(["up", "-f", str(path)]) == 2
    err = capsys.readouterr().err
    assert "wrong.yaml" in err
    assert says in err
    assert served == []


@pytest.mark.parametrize("uri", ["builtin:tni", "file:/nowhere"])
def test_a_model_that_is_not_here_is_told_once_with_its_key(
    uri: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(QUICKSTART.read_text().replace("builtin:tiny", uri))
    assert main(["up", "-f", str(path), "--port", "0"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"matinee: {path}: VideoModel/tiny: spec.source.uri: ")


def test_a_missing_file_and_a_missing_service_are_told(
    served: list[ServeConfig], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["up", "-f", "/nowhere/x.yaml"]) == 2
    assert "/nowhere/x.yaml" in capsys.readouterr().err
    assert main(["up", "-f", str(QUICKSTART), "--service", "other"]) == 2
    assert "other" in capsys.readouterr().err
    assert served == []


def test_keys_that_a_router_wants_are_not_left_out(
    tmp_path: Path, served: list[ServeConfig], capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "locked.yaml"
    text = (EXAMPLES / "three-services.yaml").read_text()
    path.write_text(f"{text}  auth: {{keysSecret: {{name: viewers}}}}\n")
    assert main(["up", "-f", str(path)]) == 2
    told = capsys.readouterr().err
    assert f"{path}: Router/front: spec.auth.keysSecret: " in told
    assert "--keys-file" in told
    assert main(["up", "-f", str(QUICKSTART), "--keys-file", "keys.yaml"]) == 2
    assert "no Router is run" in capsys.readouterr().err
    assert served == []
