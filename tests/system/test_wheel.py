from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import matinee
import matinee_api
import matinee_operator
from tests.places import ROOT
from tools.on_wheel import WHEEL

PACKAGES = (matinee, matinee_api, matinee_operator)


@pytest.fixture
def wheel() -> Path:
    if WHEEL not in os.environ:
        if os.environ.get("CI") == "true":
            pytest.fail("`make test-system` tests the wheel, and CI=true forbids to skip that")
        pytest.skip("the source tree is tested here; `make test-system` tests the wheel")
    return Path(os.environ[WHEEL])


def test_the_wheel_is_what_is_tested(wheel: Path) -> None:
    assert not wheel.is_relative_to(ROOT)
    for package in PACKAGES:
        assert Path(package.__file__ or "").is_relative_to(wheel)


@pytest.mark.parametrize("package", [package.__name__ for package in PACKAGES])
def test_programs_that_tests_start_are_the_wheel_s(wheel: Path, package: str) -> None:
    show = f"import {package}; print({package}.__file__)"
    for folder in (ROOT, wheel.parent):
        said = subprocess.check_output([sys.executable, "-c", show], cwd=folder, text=True)
        assert Path(said.strip()).is_relative_to(wheel)


def test_the_command_of_the_environment_is_the_wheel_s(wheel: Path, tmp_path: Path) -> None:
    """A file that only the wheel on this path can have is what it stumbles on."""
    broken = tmp_path / "site"
    shutil.copytree(wheel, broken)
    (broken / "matinee" / "cli" / "__init__.py").write_text("raise SystemExit(77)\n")
    command = [str(Path(sys.executable).parent / "matinee"), "--version"]
    done = subprocess.run(command, env=os.environ | {"PYTHONPATH": str(broken)}, check=False)
    assert done.returncode == 77


def test_the_wheel_holds_every_file_of_the_packages(wheel: Path) -> None:
    for package, source in (
        ("matinee", "runtime"),
        ("matinee_api", "crds"),
        ("matinee_operator", "operator"),
    ):
        held, present = (files_of(place) for place in (wheel / package, ROOT / source / package))
        assert held == present


def files_of(folder: Path) -> set[str]:
    return {
        str(file.relative_to(folder))
        for file in folder.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
