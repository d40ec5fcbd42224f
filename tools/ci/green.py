"""Whether the test cluster is what it was when its own tests were last green.

They take long and are about tools that seldom change. All that they are made of is hashed: the
cluster and its tests, what these import, and the versions of the system's packages.
"""

from __future__ import annotations

import ast
import hashlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tools.cluster.places import CACHE, ROOT
from tools.system_packages import CLUSTER

CLUSTER_FOLDER = "tools/cluster"
NAMED_ONLY = ("e2e/fixtures.py", "e2e/test_runtime.py")
"""What its tests use without importing it: a plugin, and tests that one of them runs."""
STAMP = CACHE / "stamps" / "cluster-test"


def why_not() -> str | None:
    """Why its tests need not run; None when they must."""
    if STAMP.exists() and STAMP.read_text() == fingerprint(ROOT):
        return f"{CLUSTER_FOLDER} and all that it uses are as in the last green run"
    return None


def keep() -> None:
    """Its tests have just been green."""
    STAMP.parent.mkdir(parents=True, exist_ok=True)
    STAMP.write_text(fingerprint(ROOT))


def fingerprint(root: Path) -> str:
    digest = hashlib.sha256(_installed().encode())
    for file in sorted(_made_of(root)):
        digest.update(f"{file.relative_to(root)}\0".encode() + file.read_bytes())
    return digest.hexdigest()


def _made_of(root: Path) -> set[Path]:
    """Its files, and in turn all of this repository that they import."""
    files = (root / CLUSTER_FOLDER).rglob("*")
    found = {file for file in files if file.is_file() and "__pycache__" not in file.parts}
    found |= {root / name for name in NAMED_ONLY}
    new = found
    while new:
        imported = {file for one in new if one.suffix == ".py" for file in _imported(root, one)}
        new = imported - found
        found |= new
    return found


def _imported(root: Path, file: Path) -> Iterator[Path]:
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            if (module := root / f"{name.replace('.', '/')}.py").is_file():
                yield module


def _installed() -> str:
    """The versions of what it installs; empty where there is no dpkg."""
    words = ("dpkg-query", "--show", *sorted(set(CLUSTER.values())))
    try:
        return subprocess.run(words, capture_output=True, text=True, check=False).stdout  # noqa: S603
    except FileNotFoundError:
        return ""
