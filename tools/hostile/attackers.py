"""Attacks in processes of their own, that end with a block."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def under(name: str, port: int) -> Iterator[None]:
    """The attack has begun when the block does. Raises `RuntimeError` when it can't begin."""
    command = [sys.executable, "-m", "tools.hostile", name, str(port)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            if process.stdout is None or not process.stdout.readline():
                raise RuntimeError(f"the attack {name!r} did not begin")
            yield
        finally:
            process.kill()
