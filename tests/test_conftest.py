from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.places import ROOT

NEEDY = """
import pytest

@pytest.mark.{marker}
def test_needy(): pass
"""


def run_needy(folder: Path, marker: str, ci: str) -> subprocess.CompletedProcess[str]:
    """Run one marked test on a machine without any program."""
    (folder / "test_needy.py").write_text(NEEDY.format(marker=marker), encoding="utf-8")
    (folder / "pytest.ini").write_text("[pytest]\nmarkers =\n  browser\n  ffmpeg\n", "utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-p", "no:asyncio", "."]
    environment = {**os.environ, "PATH": str(folder), "CI": ci, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize(("marker", "name"), [("browser", "Chromium"), ("ffmpeg", "ffmpeg")])
def test_a_test_without_its_program_is_skipped_and_named(
    tmp_path: Path, marker: str, name: str
) -> None:
    done = run_needy(tmp_path, marker, ci="")
    assert done.returncode == 0
    assert f"skipped because {name} is not installed" in done.stdout
    assert "test_needy.py::test_needy" in done.stdout


def test_ci_makes_such_a_skip_a_failure(tmp_path: Path) -> None:
    done = run_needy(tmp_path, "browser", ci="true")
    assert done.returncode == 1
    assert "Chromium is not installed, and CI=true forbids to skip" in done.stdout
