"""Whole runs in this process, and what they leave."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from matinee.weights.fetch.progress import Progress
from matinee.weights.fetch.run import fetch, resolve
from matinee_api.contracts.fetch import FetchConfig, FetchedTree, TreeResult
from tests.unit.runtime.weights.fetch.running_hub import TINY


def never(_seconds: float) -> None:
    """Of sources that answer at once."""
    raise AssertionError("waited for another try")


def fetched(*trees: FetchedTree, sleep: Callable[[float], None] = never) -> list[TreeResult]:
    progress = Progress()
    result = fetch(FetchConfig(trees=trees, family="ltx"), progress, sleep)
    return list(result.trees)


def resolved(*trees: FetchedTree, sleep: Callable[[float], None] = never) -> list[TreeResult]:
    return list(resolve(FetchConfig(trees=trees, family="ltx"), sleep).trees)


def names_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


NEEDED = {path for path in names_in(TINY) if not path.endswith(".md")}


def forget_tokens(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Those that this machine has in its environment and in its user's home."""
    for name in ("HF_TOKEN", "HF_ENDPOINT", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
