from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matinee.weights.fetch import files
from matinee.weights.fetch.errors import FetchFailed, TransferBroken
from matinee.weights.fetch.files import (
    Listing,
    SourceFile,
    bounded,
    listing_of,
    stays_inside,
    total_bytes,
)

FILES = tuple(
    SourceFile(path=path, size_bytes=size, digest="etag:") for path, size in (("b", 2), ("a", 1))
)


def test_a_choice_keeps_the_order_of_the_listing() -> None:
    assert Listing(FILES).only(["a", "b", "c"]) == FILES
    assert total_bytes(FILES) == 3


@pytest.mark.parametrize(
    "path",
    [
        *("", "/etc/passwd", "../x", "a/../../x", "a//b", "a\\b", "a\0", "."),
        *("a\n", "a\x1b[2J", "a\u202eb", "a\ud800", "a" * 251, "é" * 126, "a/" * 1000 + "a"),
    ],
)
def test_a_path_that_leads_out_is_not_taken(path: str) -> None:
    assert not stays_inside(path)


def test_a_source_lists_each_file_once_and_not_without_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def endless() -> Iterator[SourceFile]:
        for number in itertools.count():
            yield SourceFile.model_construct(path=str(number), size_bytes=1, digest="etag:")

    monkeypatch.setattr(files, "MAX_FILES", 4)
    assert listing_of(FILES, "the hub", "c") == Listing(FILES, "c")
    with pytest.raises(FetchFailed, match="the hub lists more than 4 files"):
        listing_of(endless(), "the hub")
    with pytest.raises(FetchFailed, match="the hub lists a file twice"):
        listing_of(FILES * 2, "the hub")


def test_an_answer_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    assert bounded([b"ab", b"c"], 3) == b"abc"
    with pytest.raises(TransferBroken, match="more than 3 bytes"):
        bounded(itertools.repeat(b"ab"), 3)
    monkeypatch.setattr(files, "LONGEST_ANSWER_S", -1.0)
    with pytest.raises(TransferBroken, match="takes more than"):
        bounded(itertools.repeat(b""), 3)


@settings(max_examples=30)
@given(st.text(alphabet="ab./\\", max_size=12))
def test_what_is_taken_stays_inside(path: str) -> None:
    if stays_inside(path):
        folder = Path("/cache/model")
        assert (folder / path).resolve().is_relative_to(folder)
        assert (folder / path).resolve() != folder
