"""Run a command on the built wheel instead of the source tree: `python -m tools.on_wheel pytest …`.

The wheel is built and unpacked outside the repository, and goes before it on Python's path, in the
command and in all that it starts. `WHEEL` tells them where.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WHEEL = "MATINEE_WHEEL"
_PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")


def main(command: Sequence[str]) -> int:
    with tempfile.TemporaryDirectory(prefix="matinee-wheel-") as folder:
        site = unpack(Path(folder))
        path = os.pathsep.join(filter(None, (str(site), os.environ.get("PYTHONPATH"))))
        environment = os.environ | {"PYTHONPATH": path, WHEEL: str(site)}
        return subprocess.run(command, env=environment, check=False).returncode  # noqa: S603


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
