from __future__ import annotations

import importlib.util
import re
from collections import Counter

import pytest
from pydantic import TypeAdapter, ValidationError

from matinee.state.codec import CODECS
from matinee_api.config.runtime_config import GeneratorConfig
from matinee_api.families import CAPABILITIES, FAMILIES, FAMILY_OF_PIPELINE, Family, FamilyName
from matinee_api.kinds.crd import DEFINITIONS, crd
from matinee_api.kinds.videomodel import VideoModelSpec

NAMES = [family.name for family in FAMILIES]


@pytest.mark.parametrize("family", FAMILIES, ids=NAMES)
def test_each_family_has_its_module_its_states_and_its_pipelines(family: Family) -> None:
    assert importlib.util.find_spec(f"matinee.engine.families.{family.name}")
    assert CODECS[family.state_kind].kind == family.state_kind
    named = {FAMILY_OF_PIPELINE[pipeline] for pipeline in family.pipelines}
    assert named == (set() if family.is_named else {family.name})
    assert set(family.capabilities) <= set(CAPABILITIES)


def test_no_two_families_share_a_name_a_kind_or_a_pipeline() -> None:
    pipelines = [pipeline for family in FAMILIES for pipeline in family.pipelines]
    kinds = [family.state_kind for family in FAMILIES]
    assert max(Counter([*NAMES, *kinds, *pipelines]).values()) == 1


def test_a_configuration_may_name_these_families_and_no_other() -> None:
    name: TypeAdapter[str] = TypeAdapter(FamilyName)
    assert [name.validate_python(each) for each in NAMES] == NAMES
    with pytest.raises(ValidationError):
        name.validate_python("tone")
    with pytest.raises(ValidationError, match="family"):
        GeneratorConfig(model_path="builtin:tiny", family="tone")


def test_the_crd_lists_them() -> None:
    (definition,) = (each for each in DEFINITIONS if each.kind == "VideoModel")
    schema = crd(definition)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    engine = schema["properties"]["spec"]["properties"]["engine"]
    assert engine["properties"]["family"]["enum"] == NAMES


def test_each_family_has_a_rule_for_each_side() -> None:
    rules = [rule.message for rule in VideoModelSpec.rules]
    for family in FAMILIES:
        wanted = rf"must be a multiple of {family.size_factor} for .*\b{family.name}\b"
        assert sum(re.search(wanted, message) is not None for message in rules) == 2
