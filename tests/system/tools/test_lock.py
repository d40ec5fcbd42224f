from __future__ import annotations

import importlib.metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tools.lock import LOCKS, ROOT, without_torch

HEADER = "#\n# made by a program\n#\n"
COMPILED = f"""{HEADER}accelerate==1.0 \\
    --hash=sha256:aa
    # via matinee (pyproject.toml)
cuda-bindings==13.0 \\
    --hash=sha256:bb
    # via torch
cuda-pathfinder==1.9 \\
    --hash=sha256:cc
    # via
    #   -c requirements/dev.txt
    #   cuda-bindings
filelock==4.0 \\
    --hash=sha256:dd
    # via
    #   huggingface-hub
    #   torch

# WARNING: this has no hash
matinee @ file:///folder
    # via matinee (pyproject.toml)

# WARNING: The following packages were not pinned
# torch
"""
KEPT = f"""{HEADER}accelerate==1.0 \\
    --hash=sha256:aa
    # via matinee (pyproject.toml)
filelock==4.0 \\
    --hash=sha256:dd
    # via
    #   huggingface-hub
    #   torch
"""


def test_what_only_torch_needs_is_left_out() -> None:
    assert without_torch(COMPILED) == KEPT


def test_leaving_out_twice_changes_nothing() -> None:
    assert without_torch(KEPT) == KEPT


def _pins(path: Path) -> dict[str, str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return dict(line.rstrip(" \\").split("==", 1) for line in lines if "==" in line)


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_has_hashes_and_no_addresses(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert "://" not in text
    assert "torch" not in _pins(ROOT / lock)
    assert text.count("==") <= text.count("--hash=sha256:")


def test_all_locks_pin_the_same_versions() -> None:
    dev, *images = (_pins(ROOT / lock) for lock in LOCKS)
    for image in images:
        assert image.items() <= dev.items()


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
def test_the_lock_holds_what_each_python_needs(python: str) -> None:
    """It is resolved on one Python; another may ask for more."""
    pins = _pins(ROOT / "requirements/dev.txt")
    markers = {"python_version": python, "python_full_version": f"{python}.0", "extra": ""}
    needed = {
        canonicalize_name(requirement.name)
        for name in pins
        for requirement in map(Requirement, importlib.metadata.requires(name) or ())
        if requirement.marker is None or requirement.marker.evaluate(markers)
    }
    assert needed - pins.keys() <= {"torch"}
