from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matinee.weights.fetch.errors import FetchFailed
from matinee.weights.model_index import components_of


def components(index: object) -> frozenset[str]:
    return components_of(json.dumps(index).encode(), "ltx", "org/name")


def test_components_are_what_has_a_class() -> None:
    index = {
        "_class_name": "LTXPipeline",
        "_name_or_path": "x",
        "vae": ["diffusers", "AutoencoderKLLTXVideo"],
        "image_encoder": [None, None],
        "../outside": ["diffusers", "Trap"],
        "_hidden": ["diffusers", "Trap"],
        "flag": True,
    }
    assert components(index) == {"vae"}


@pytest.mark.parametrize("name", ["WanPipeline", "", None, 7, ["pipeline", "LTXPipeline"]])
def test_another_pipeline_is_refused_with_both_names(name: object) -> None:
    with pytest.raises(FetchFailed) as caught:
        components({"_class_name": name})
    assert caught.value.reason == "FamilyUnsupported"
    assert str(name) in str(caught.value)
    assert "family ltx" in str(caught.value)


def test_a_family_that_is_named_takes_any_pipeline() -> None:
    index = {"_class_name": "MochiPipeline", "vae": ["diffusers", "AutoencoderKLMochi"]}
    assert components_of(json.dumps(index).encode(), "clip", "org/name") == {"vae"}
    with pytest.raises(FetchFailed):
        components_of(b"{}", "clip", "org/name")


@settings(max_examples=30)
@given(st.binary() | st.sampled_from([b"[]", b"null", b"[" * 100_000]))
def test_whatever_else_it_holds_is_refused(text: bytes) -> None:
    with pytest.raises(FetchFailed) as caught:
        components_of(text, "ltx", "org/name")
    assert caught.value.reason == "FamilyUnsupported"
