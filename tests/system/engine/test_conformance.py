from __future__ import annotations

import pytest

from matinee.state import codec
from matinee_api.families import FAMILIES, Family
from tests.system.engine.cases import CASES
from tests.system.engine.conformance import Case, Conformance
from tests.system.engine.families.tone import KIND, ToneCodec


class TestFamilies(Conformance):
    @pytest.fixture(params=CASES)
    def case(self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Case:
        monkeypatch.setitem(codec.CODECS, KIND, ToneCodec())
        return CASES[request.param]()


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_a_loaded_model_is_what_its_row_of_the_table_says(family: Family) -> None:
    infos = [case.info for name, case in loaded().items() if case.info.family == family.name]
    able = {capability for info in infos for capability in info.capabilities}
    assert able <= set(family.capabilities)
    for info in infos:
        assert info.state_kind == family.state_kind
        assert info.spatial_factor % family.size_factor == 0
        assert (info.audio is not None) == ("audio" in family.streams)
    assert infos


def loaded() -> dict[str, Case]:
    return {name: made() for name, made in CASES.items()}
