from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matinee.weights.fetch.files import Listing, SourceFile, stays_inside, total_bytes

FILES = tuple(
    SourceFile(path=path, size_bytes=size, digest="etag:") for path, size in (("b", 2), ("a", 1))
)


def test_a_choice_keeps_the_order_of_the_listing() -> None:
    assert Listing(FILES).only(["a", "b", "c"]) == FILES
    assert total_bytes(FILES) == 3


@pytest.mark.parametrize(
    "path", ["", "/etc/passwd", "../x", "a/../../x", "a//b", "a\\b", "a\0", "."]
)
def test_a_path_that_leads_out_is_not_taken(path: str) -> None:
    assert not stays_inside(path)


@given(st.text(alphabet="ab./\\", max_size=12))
def test_what_is_taken_stays_inside(path: str) -> None:
    if stays_inside(path):
        folder = Path("/cache/model")
        assert (folder / path).resolve().is_relative_to(folder)
        assert (folder / path).resolve() != folder
