"""A run of pytest inside a test: what our fixtures and hooks do about tests that fail."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tools.cluster.places import ROOT

_OPTIONS = ("-p", "e2e.fixtures", "-p", "no:cacheprovider", "--import-mode=importlib")


def inner_run(folder: Path, tests: str) -> str:
    """What pytest prints about a module of tests, which may use all of our fixtures."""
    (folder / "test_inner.py").write_text(tests)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *_OPTIONS, "test_inner.py"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    return done.stdout + done.stderr


def collected(said: str) -> list[Path]:
    """The folders that such a run prints at its end."""
    return [Path(found) for found in re.findall(r"objects of a failed test: (.*)", said)]
