from __future__ import annotations

from pathlib import Path

import pytest

from matinee.engine.engine import Engine
from matinee_api.config.runtime_config import EngineConfig, GeneratorConfig
from tests.system.engine.untrained import save, untrained_pipeline


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained model on disk; copy it before changing it."""
    return save(untrained_pipeline(), tmp_path_factory.mktemp("models") / "untrained")


@pytest.fixture(scope="session")
def engine(model_folder: Path) -> Engine:
    return Engine.load(
        GeneratorConfig(
            model_path=str(model_folder), engine=EngineConfig(device="cpu", cpu_threads=1)
        )
    )
