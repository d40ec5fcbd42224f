from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from matinee.local.generator import VideoGenerator
from tests.system.engine.untrained import save, untrained_pipeline


@pytest.fixture(scope="package")
def model_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(untrained_pipeline(), tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="package")
def generator(model_path: Path) -> Iterator[VideoGenerator]:
    with VideoGenerator.from_pretrained(model_path, device="cpu", cpu_threads=1) as generator:
        yield generator
