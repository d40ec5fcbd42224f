"""Run a command on the built wheel instead of the source tree: `python -m tools.on_wheel pytest …`.

The wheel is built and unpacked outside the repository, and goes before it on Python's path, in the
command and in all that it starts. `WHEEL` tells them where. SIGTERM ends the command too, and
nothing is left of the wheel.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

ROOT = Path(__file__).resolve().parents[1]
WHEEL = "MATINEE_WHEEL"
_PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")


def main(command: Sequence[str]) -> int:
    signal.signal(signal.SIGTERM, _leave)
    with tempfile.TemporaryDirectory(prefix="matinee-wheel-") as folder:
        site = unpack(Path(folder))
        path = os.pathsep.join(filter(None, (str(site), os.environ.get("PYTHONPATH"))))
        environment = os.environ | {"PYTHONPATH": path, WHEEL: str(site)}
        return run(command, environment)


def _leave(number: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(128 + number)  # so that folders in `with` are removed


def run(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """The command's exit code; it is ended when we are, and may take its time."""
    with subprocess.Popen(command, env=environment) as process:  # noqa: S603
        try:
            return process.wait()
        except SystemExit:
            process.terminate()
            raise


def unpack(folder: Path) -> Path:
    """Build the wheel, and return the folder from which its packages can be imported."""
    build = ("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(ROOT))
    subprocess.run([*_PIP, *build], check=True)  # noqa: S603
    (wheel,) = folder.glob("*.whl")
    site = folder / "site"
    install = ("install", "--no-deps", "--no-compile", "--target", str(site), str(wheel))
    subprocess.run([*_PIP, *install], check=True)  # noqa: S603
    return site


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
