"""A package is entered by the modules that its docstring lists as doors. Where it lists none, the
names in its `__init__` are the doors. See docs/decisions/0013-modules-are-doors.md."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.places import ROOT

ROOTS = {
    "matinee_api": ROOT / "crds" / "matinee_api",
    "matinee": ROOT / "runtime" / "matinee",
    "matinee_operator": ROOT / "operator" / "matinee_operator",
}
IMPORT = re.compile(r"^ *from (matinee[\w.]*) import (\([^)]*\)|.*)$", re.M)
PACKAGES = [
    f"{root}.{folder.name}"
    for root, path in ROOTS.items()
    for folder in sorted(path.iterdir())
    if (folder / "__init__.py").exists()
]


def place_of(package: str) -> Path:
    root, *inner = package.split(".")
    return ROOTS[root].joinpath(*inner)


def doors_of(package: str) -> list[str]:
    text = (place_of(package) / "__init__.py").read_text()
    listed = re.search(r"\nDoors: ([^.]*)\.\n", text)
    return re.findall(r"`([\w/]+)`", listed[1]) if listed else []


@cache
def entries() -> dict[str, dict[str, set[str]]]:
    """Of each package, the modules that others import, and who does."""
    found: dict[str, dict[str, set[str]]] = {}
    for root, path in ROOTS.items():
        for file in path.rglob("*.py"):
            importer = ".".join((root, *file.relative_to(path).with_suffix("").parts))
            for package, module in _imported(file.read_text()):
                if not importer.startswith(f"{package}."):
                    found.setdefault(package, {}).setdefault(module, set()).add(importer)
    return found


def _imported(text: str) -> Iterator[tuple[str, str]]:
    """(package, the module in it), as `a/b` below a package in it."""
    for origin, names in IMPORT.findall(text):
        root, *inner = origin.split(".")
        for name in re.findall(r"\w+", re.sub(r" as \w+", "", names)):
            parts = [*inner, name]
            package, depth = f"{root}.{parts[0]}", len(parts)
            while depth > 1 and not _is_module(root, parts[:depth]):
                depth -= 1
            if depth > 1 and package in PACKAGES:
                yield package, "/".join(parts[1:depth])


def _is_module(root: str, parts: list[str]) -> bool:
    path = ROOTS[root].joinpath(*parts)
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_is_entered_by_its_doors(package: str) -> None:
    """Another module may become one: name it in the docstring of the package's `__init__`."""
    used = entries().get(package, {})
    assert {door: used[door] for door in used if door not in doors_of(package)} == {}
    assert [door for door in doors_of(package) if door not in used] == []
