from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.unit.runtime.session.staging import Stage, Staged


@pytest.fixture
def staged() -> Iterator[Staged]:
    stages: list[Stage] = []

    def build(**settings: Any) -> Stage:
        stages.append(Stage(**settings))
        return stages[-1]

    yield build
    for stage in stages:
        stage.close()
