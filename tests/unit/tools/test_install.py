from __future__ import annotations

import platform
from pathlib import Path

import pytest

from tools import install


@pytest.fixture
def no_wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install, "WHEELS", tmp_path / "none")
    monkeypatch.setattr(platform, "system", lambda: "Linux")


def test_a_folder_of_wheels_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install, "WHEELS", tmp_path)
    assert install._torch_source() == ("--find-links", str(tmp_path))


@pytest.mark.usefixtures("no_wheels")
@pytest.mark.parametrize(
    ("gpu", "answers", "source"),
    [
        pytest.param(True, True, (), id="a GPU needs the build with CUDA"),
        pytest.param(False, True, ("--index-url", install.CPU_INDEX), id="no GPU"),
        pytest.param(False, False, (), id="no GPU and no way to the index"),
    ],
)
def test_the_build_fits_the_machine(
    monkeypatch: pytest.MonkeyPatch, gpu: bool, answers: bool, source: tuple[str, ...]
) -> None:
    monkeypatch.setattr(install, "_has_nvidia_gpu", lambda: gpu)
    monkeypatch.setattr(install, "cpu_index_answers", lambda: answers)
    assert install._torch_source() == source


@pytest.mark.parametrize(
    ("probe", "answers"),
    [
        pytest.param("pass", True, id="it answers"),
        pytest.param("raise OSError", False, id="it cannot be reached"),
        pytest.param("import signal; signal.pause()", False, id="it is silent"),
    ],
)
def test_the_index_is_asked_within_a_bound(
    monkeypatch: pytest.MonkeyPatch, probe: str, answers: bool
) -> None:
    monkeypatch.setattr(install, "PROBE", probe)
    monkeypatch.setattr(install, "PROBE_TIMEOUT_S", 2 if answers else 0.3)
    assert install.cpu_index_answers() is answers


def test_another_python_is_refused_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(install, "PYTHONS", ((3, 1), (3, 2)))
    assert install.main() == 2
    assert "make install PYTHON=python3.12" in capsys.readouterr().err


def test_a_failed_step_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(install, "_make_venv", lambda: install._run("false"))
    assert install.main() == 1
    assert capsys.readouterr().err == "stopped: `false` failed\n"
