"""Wheels that stand for the packages of this environment.

Each has the true name, version and requirements, so pip resolves and installs them as it would from
an index. In place of the files it brings a `.pth` that leads to those that are here: nothing is
downloaded or copied, not even torch. What no wheel was installed for cannot be imported.
"""

from __future__ import annotations

import re
import sysconfig
import zipfile
from importlib.metadata import Distribution, distributions
from pathlib import Path

SITE = Path(sysconfig.get_path("purelib"))
FORM = "Wheel-Version: 1.0\nGenerator: stub\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def write_stubs(folder: Path) -> None:
    """Of every package but Matinee itself."""
    for package in distributions(path=[str(SITE)]):
        name = re.sub(r"[-_.]+", "_", package.metadata["Name"]).lower()
        if name != "matinee":
            _write_stub(package, name, folder)


def _write_stub(package: Distribution, name: str, folder: Path) -> None:
    links = folder / "packages" / name
    links.mkdir(parents=True)
    for top in _tops(package):
        (links / top).symlink_to(SITE / top)
    info = f"{name}-{package.version}.dist-info"
    files = {
        f"stub_{name}.pth": f"{links}\n",
        f"{info}/METADATA": package.read_text("METADATA") or "",
        f"{info}/entry_points.txt": package.read_text("entry_points.txt") or "",
        f"{info}/WHEEL": FORM,
    }
    files[f"{info}/RECORD"] = "".join(f"{place},,\n" for place in (*files, f"{info}/RECORD"))
    with zipfile.ZipFile(folder / f"{name}-{package.version}-py3-none-any.whl", "w") as wheel:
        for place, text in files.items():
            wheel.writestr(place, text)


def _tops(package: Distribution) -> set[str]:
    """What lies directly in the folder of packages."""
    firsts = {path.parts[0] for path in package.files or ()}
    ends = (".dist-info", ".pth")
    return {
        first for first in firsts if first not in ("..", "__pycache__") and not first.endswith(ends)
    }
