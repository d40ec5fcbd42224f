from __future__ import annotations

import pytest

from matinee_api.problems import dotted, keys_at, nearest
from matinee_api.resources import KINDS
from matinee_api.runtime_config import ServeConfig
from matinee_api.videomodel import VideoModel

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
