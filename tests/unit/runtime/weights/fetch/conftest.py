from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.runtime.weights.fetch.fetching import forget_tokens


@pytest.fixture(autouse=True)
def _no_token_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    forget_tokens(monkeypatch, tmp_path)
