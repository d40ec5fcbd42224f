"""Running programs and saying what went wrong with them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

TETHER = ("setpriv", "--pdeathsig", "KILL", "--")
"""No program goes on when the one that runs it is killed."""


class ClusterError(Exception):
    """The cluster cannot do what was asked; the message says why and what helps."""


def run(
    *command: str | Path,
    stdin: str | bytes | None = None,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    timeout_s: float = 900,
) -> str:
    """What the program printed on stdout.

    Raises:
        ClusterError: it failed; the message holds the end of its stderr.
    """
    words = list(map(str, command))
    done = subprocess.run(
        [*TETHER, *words],
        input=stdin.encode() if isinstance(stdin, str) else stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        cwd=cwd,
        env=None if env is None else {**os.environ, **env},
        timeout=timeout_s,
        check=False,
    )
    if done.returncode:
        said = (done.stderr or done.stdout).decode(errors="replace").strip()
        raise ClusterError(f"`{' '.join(words)}` failed: {said[-2000:]}")
    return done.stdout.decode(errors="replace")


def write(file: Path, text: str) -> None:
    """Write a file, unless it holds that already: some programs end when theirs is written."""
    if not (file.exists() and file.read_text() == text):
        file.write_text(text)


def succeeds(*command: str | Path) -> bool:
    """Whether the program ends with 0; what it prints is thrown away."""
    return (
        subprocess.run(
            list(map(str, command)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        ).returncode
        == 0
    )
