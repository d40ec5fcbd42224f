from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matinee.weights.fetch import transfer
from matinee.weights.fetch.errors import FetchFailed, TransferBroken
from matinee.weights.fetch.files import SourceFile
from matinee.weights.fetch.retry import Retry
from matinee.weights.fetch.transfer import Content, fetch_file, read_all

DATA = b"0123456789"
FILE = SourceFile(
    path="a/file", size_bytes=len(DATA), digest=f"sha256:{hashlib.sha256(DATA).hexdigest()}"
)


@dataclass
class Scripted:
    """A source that answers each read with the next of `answers`: how many bytes it sends before
    the connection breaks."""

    answers: list[int]
    data: bytes = DATA
    knows_ranges: bool = True
    asked: list[int] = field(default_factory=list)

    @contextlib.contextmanager
    def read(self, file: SourceFile, offset_bytes: int) -> Iterator[Content]:
        self.asked.append(offset_bytes)
        begin = offset_bytes if self.knows_ranges else 0
        yield Content(begin, self._chunks(begin))

    def _chunks(self, begin: int) -> Iterator[bytes]:
        count = self.answers.pop(0)
        yield self.data[begin : begin + count]
        if begin + count < len(self.data):
            raise TransferBroken("cut off")


class Count:
    def __init__(self) -> None:
        self.bytes = 0

    def __call__(self, count: int) -> None:
        self.bytes += count


def test_a_source_that_breaks_off_after_each_byte_is_given_up(tmp_path: Path) -> None:
    size = 3 * transfer.LEAST_PROGRESS_BYTES
    data = bytes(size)
    file = SourceFile(
        path="file", size_bytes=size, digest=f"sha256:{hashlib.sha256(data).hexdigest()}"
    )
    enough = Scripted([transfer.LEAST_PROGRESS_BYTES, *[1] * 3] * 3, data)
    assert fetched(enough, tmp_path, file) == size
    with pytest.raises(FetchFailed, match="does not answer: cut off"):
        fetched(Scripted([1] * 5, data), tmp_path / "other", file)


def fetched(source: Scripted, folder: Path, file: SourceFile = FILE) -> int:
    """The bytes that were counted."""
    counted = Count()
    fetch_file(source, file, folder, Retry("the hub", lambda _seconds: None), counted)
    return counted.bytes


@settings(max_examples=50)
@given(
    cuts=st.lists(st.integers(1, 4), max_size=4),
    left=st.integers(0, len(DATA)),
    knows_ranges=st.booleans(),
)
def test_it_gets_there_however_it_is_broken(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int], left: int, knows_ranges: bool
) -> None:
    folder = tmp_path_factory.mktemp("cache")
    (folder / "a").mkdir()
    (folder / "a" / "file.part").write_bytes(DATA[:left])
    source = Scripted([*cuts, *[len(DATA)] * 4], knows_ranges=knows_ranges)
    assert fetched(source, folder) == len(DATA) - left
    assert (folder / "a" / "file").read_bytes() == DATA
    assert not (folder / "a" / "file.part").exists()


def test_what_is_there_already_is_not_asked_for(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "file.part").write_bytes(DATA[:4])
    source = Scripted([10])
    fetched(source, tmp_path)
    assert source.asked == [4]


@pytest.mark.parametrize("left", [b"wrong", b"0123456780", b"0123456789 and more"])
def test_a_part_that_is_wrong_is_thrown_away(left: bytes, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "file.part").write_bytes(left)
    fetched(Scripted([10, 10]), tmp_path)
    assert (tmp_path / "a" / "file").read_bytes() == DATA


@pytest.mark.parametrize("data", [b"0123456780", b"0123456789 and more"])
def test_a_file_that_stays_wrong_is_refused_and_not_kept(data: bytes, tmp_path: Path) -> None:
    source = Scripted([100, 100], data=data)
    counted = Count()
    with pytest.raises(FetchFailed) as caught:
        fetch_file(source, FILE, tmp_path, Retry("the hub"), counted)
    assert caught.value.reason == "ChecksumMismatch"
    assert counted.bytes == 0
    assert source.asked == [0, 0]
    assert list((tmp_path / "a").iterdir()) == []


def test_a_source_that_never_brings_anything_is_given_up(tmp_path: Path) -> None:
    with pytest.raises(FetchFailed) as caught:
        fetched(Scripted([4] + [0] * 10), tmp_path)
    assert caught.value.reason == "SourceUnreachable"
    assert (tmp_path / "a" / "file.part").read_bytes() == DATA[:4]


def test_an_empty_file_needs_no_request(tmp_path: Path) -> None:
    empty = SourceFile(
        path="empty", size_bytes=0, digest=f"sha256:{hashlib.sha256(b'').hexdigest()}"
    )
    source = Scripted([])
    fetched(source, tmp_path, empty)
    assert (tmp_path / "empty").read_bytes() == b""
    assert source.asked == []


def test_a_small_file_is_read_whole_and_checked() -> None:
    retry = Retry("the hub", lambda _seconds: None)
    assert read_all(Scripted([3, 10]), FILE, retry, 10) == DATA
    with pytest.raises(FetchFailed, match="a/file"):
        read_all(Scripted([10, 10], data=b"0123456780"), FILE, retry, 10)
    with pytest.raises(FetchFailed, match="a/file of the hub is larger than 9 bytes"):
        read_all(Scripted([]), FILE, retry, 9)


def test_a_source_that_sends_a_byte_now_and_then_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "SLOW_S", 1e-9)
    monkeypatch.setattr(transfer, "SLOWEST_BYTES_PER_S", 1e12)
    large = FILE.model_copy(update={"size_bytes": 11})
    with pytest.raises(FetchFailed, match="it sends less than"):
        fetched(Scripted([10] * 5), tmp_path, large)
