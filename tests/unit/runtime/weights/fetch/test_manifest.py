from __future__ import annotations

from pathlib import Path

import pytest

from matinee.weights.fetch.files import SourceFile
from matinee.weights.fetch.manifest import (
    MANIFEST,
    Manifest,
    read_manifest,
    size_at,
    write_manifest,
)

FILES = (SourceFile(path="a/one", size_bytes=3, digest="sha256:0"),)
MINE = Manifest(uri="s3://b/f", commit=None, files=FILES)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write_manifest(tmp_path, MINE)
    assert read_manifest(tmp_path) == MINE
    assert [path.name for path in tmp_path.iterdir()] == [MANIFEST]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"uri": 7}', "\0"])
def test_what_cannot_be_read_is_none(text: str, tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_text(text)
    assert read_manifest(tmp_path) is None


def test_a_newer_version_may_say_more(tmp_path: Path) -> None:
    write_manifest(tmp_path, MINE)
    text = (tmp_path / MANIFEST).read_text()
    (tmp_path / MANIFEST).write_text(text.replace("{", '{"signature": "x",', 1))
    assert read_manifest(tmp_path) == MINE


@pytest.mark.parametrize(("content", "whole"), [(b"abc", True), (b"ab", False), (None, False)])
def test_whole_is_what_has_every_file_in_its_size(
    content: bytes | None, whole: bool, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / "a").mkdir()
        (tmp_path / "a" / "one").write_bytes(content)
    assert MINE.is_whole(tmp_path) is whole


def test_a_folder_has_no_size(tmp_path: Path) -> None:
    assert size_at(tmp_path) is None
