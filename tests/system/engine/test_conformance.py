from __future__ import annotations

from functools import cache

import pytest

from matinee.engine.engine import Engine
from matinee.mock.backend import MockEngine
from matinee.mock.settings import MockSettings
from matinee.state import codec
from matinee_api.config.runtime_config import EngineConfig, GeneratorConfig
from matinee_api.families import FAMILIES, Family
from tests.system.engine.conformance import Case, Conformance
from tests.system.engine.families.tone import KIND, ToneCodec, ToneFamily


@cache
def tiny() -> Engine:
    config = EngineConfig(device="cpu", cpu_threads=1)
    return Engine.load(GeneratorConfig(model_path="builtin:tiny", engine=config))


class TestBundled(Conformance):
    @pytest.fixture
    def case(self) -> Case:
        return Case(tiny(), "a red ball moving left on a blue background")


class TestUntrained(Conformance):
    @pytest.fixture
    def case(self, engine: Engine) -> Case:
        return Case(engine, "a red ball")


class TestTone(Conformance):
    @pytest.fixture
    def case(self, monkeypatch: pytest.MonkeyPatch) -> Case:
        monkeypatch.setitem(codec.CODECS, KIND, ToneCodec())
        return Case(Engine(ToneFamily()), "440 Hz")


class TestMock(Conformance):
    @pytest.fixture
    def case(self) -> Case:
        settings = MockSettings(width=64, height=64, step_ms=0, sound=True)
        return Case(MockEngine(settings), "a red ball")


@pytest.fixture
def loaded() -> dict[str, Engine]:
    """A model of each family of the table."""
    return {"ltx": tiny()}


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_a_loaded_model_is_what_its_row_of_the_table_says(
    family: Family, loaded: dict[str, Engine]
) -> None:
    info = loaded[family.name].info
    assert (info.family, info.state_kind) == (family.name, family.state_kind)
    assert info.spatial_factor % family.size_factor == 0
    assert (info.audio is not None) == ("audio" in family.streams)
