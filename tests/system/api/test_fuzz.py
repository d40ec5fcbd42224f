"""Whatever stands in a file, the answer is a model or a `ConfigError` with sentences."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matinee_api.config.errors import ConfigError
from matinee_api.config.load import load_text
from matinee_api.config.overrides import apply_overrides, parse_overrides
from matinee_api.config.problems import keys_at
from matinee_api.config.resources import parse_resources
from matinee_api.config.runtime_config import ServeConfig
from matinee_api.kinds.resource import KINDS

LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
KEYS = st.sampled_from(keys_at(ServeConfig, ()) + keys_at(ServeConfig, ("streaming",))) | st.text()
VALUES: st.SearchStrategy[Any] = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
SPEC_KEYS = st.sampled_from([key for kind in KINDS for key in keys_at(KINDS[kind], ("spec",))])
OBJECTS = st.fixed_dictionaries(
    {
        "apiVersion": st.just("matinee.video/v1alpha1"),
        "kind": st.sampled_from(sorted(KINDS)),
        "metadata": st.just({"name": "x"}) | VALUES,
        "spec": st.dictionaries(SPEC_KEYS, VALUES, max_size=4) | VALUES,
    }
)


@settings(max_examples=80)
@given(st.text() | VALUES.map(json.dumps))
def test_any_text_is_a_configuration_or_a_told_mistake(text: str) -> None:
    with contextlib.suppress(ConfigError):
        load_text(ServeConfig, text, file="serve.yaml")


@settings(max_examples=80)
@given(st.text() | OBJECTS.map(json.dumps))
def test_any_text_is_resources_or_a_told_mistake(text: str) -> None:
    with contextlib.suppress(ConfigError):
        parse_resources(text, file="q.yaml")


@settings(max_examples=80)
@given(VALUES)
def test_every_mistake_has_words_of_its_own(value: Any) -> None:
    text = json.dumps({"generator": None, "streaming": {"presets": value, "limits": value}})
    with pytest.raises(ConfigError) as caught:
        load_text(ServeConfig, text)
    assert "not valid here" not in str(caught.value)


@settings(max_examples=80)
@given(st.lists(st.text(max_size=8) | st.text(max_size=8).map("--{}".format), max_size=4))
def test_any_words_are_overrides_or_a_told_mistake(words: list[str]) -> None:
    with contextlib.suppress(ConfigError):
        apply_overrides({"a": {"b": 1}}, parse_overrides(words))
