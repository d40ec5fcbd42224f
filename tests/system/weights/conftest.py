from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.runtime.weights.fetch.fetching import forget_tokens
from tests.unit.runtime.weights.fetch.running_hub import TOKEN, RunningHub, running_hub


@pytest.fixture(autouse=True)
def _no_token_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    forget_tokens(monkeypatch, tmp_path)


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[RunningHub]:
    """Anybody may read everything."""
    with running_hub(tmp_path / "hub") as found:
        yield found


@pytest.fixture
def private_hub(tmp_path: Path) -> Iterator[RunningHub]:
    """Only who has `TOKEN` may read."""
    with running_hub(tmp_path / "hub", "--token", TOKEN) as found:
        yield found
