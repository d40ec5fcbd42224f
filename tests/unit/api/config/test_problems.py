from __future__ import annotations

import pytest
from pydantic import ValidationError

from matinee_api.config.problems import dotted, keys_at, nearest, sentence_of
from matinee_api.config.runtime_config import ServeConfig
from matinee_api.kinds.resource import KINDS
from matinee_api.kinds.videomodel import VideoModel

PATHS: dict[str, tuple[tuple[int | str, ...], str]] = {
    "keys": (("a", "b"), "a.b"),
    "entries of a list": (("a", 0, "b"), "a[0].b"),
    "a key that holds a dot": (
        ("labels", "app.kubernetes.io/name"),
        'labels["app.kubernetes.io/name"]',
    ),
    "the whole": ((), ""),
}


@pytest.mark.parametrize("case", PATHS)
def test_a_location_is_written_as_a_dotted_path(case: str) -> None:
    location, path = PATHS[case]
    assert dotted(location) == path


def test_keys_are_found_through_optional_fields_and_lists() -> None:
    required = "requiredDuringSchedulingIgnoredDuringExecution"
    location = ("spec", "scheduling", "affinity", "podAffinity", required, 0)
    assert "topologyKey" in keys_at(VideoModel, location)
    assert keys_at(VideoModel, ("spec", "adapters", 3))[0] == "uri"
    assert keys_at(ServeConfig, ("streaming", "state"))[0] == "store"


def test_free_mappings_have_no_known_keys() -> None:
    assert keys_at(KINDS["StreamingService"], ("metadata", "labels")) == []


def test_a_word_like_none_is_answered_with_all() -> None:
    assert nearest("xyz", ["alpha", "beta"]) == "known here: alpha, beta"
    assert nearest("xyz", []) == ""


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"server": {"port": "8000"}}, 'expected a whole number; got "8000"'),
        ({"server": {"prt": 1}}, "unknown key"),
        ({"generator": {}}, "required, but missing"),
        ({"streaming": {"stream_mode": "av_mp4"}}, "did you mean av_fmp4?"),
        ({"streaming": {"stream_mode": "x" * 10**7}}, f'got "{"x" * 56}…'),
    ],
)
def test_a_mistake_is_one_short_sentence(config: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValidationError) as caught:
        ServeConfig.model_validate({"generator": {"model_path": "m"}, **config})
    says = sentence_of(caught.value.errors()[0])
    assert sentence in says
    assert len(says) < 200
