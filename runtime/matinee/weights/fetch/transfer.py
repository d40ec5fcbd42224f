"""One file from a source into a folder, checked: a resumable download.

Every byte that arrives is written at once, so that nothing is lost with the process. What is there
is hashed before the rest is fetched. A file that is wrong is fetched once more from its beginning.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from matinee.weights.fetch.cache import part_of
from matinee.weights.fetch.digests import Hasher, hasher_of, matches
from matinee.weights.fetch.errors import FetchFailed, TransferBroken
from matinee.weights.fetch.files import SourceFile, bounded
from matinee.weights.fetch.retry import Retry

logger = logging.getLogger(__name__)
_READ_BYTES = 2**20
SLOW_S = 60.0
SLOWEST_BYTES_PER_S = 1024
"""Over `SLOW_S`; a model would take months."""
LEAST_PROGRESS_BYTES = 64 * 1024
"""What a try must bring to be no failure: else a source that breaks off after each byte would be
asked again indefinitely."""


@dataclass(frozen=True, slots=True)
class Content:
    """Bytes of a file from `offset_bytes` on, as they come."""

    offset_bytes: int
    chunks: Iterator[bytes]


class Readable(Protocol):
    """A source whose files can be read from any byte."""

    def read(self, file: SourceFile, offset_bytes: int) -> AbstractContextManager[Content]:
        """What comes may begin before `offset_bytes`, where a server knows no ranges.

        Raises, also while chunks come:
            TransferBroken: another try may help.
            FetchFailed: none will.
        """
        ...


def read_all(source: Readable, file: SourceFile, retry: Retry, max_bytes: int) -> bytes:
    """A small file, checked.

    Raises:
        FetchFailed: as `fetch_file` does.
    """

    def ask() -> bytes:
        with source.read(file, 0) as content:
            return bounded(content.chunks, max_bytes)

    if file.size_bytes > max_bytes:
        raise FetchFailed(
            "SourceUnsupported",
            f"{file.path} of {retry.where} is larger than {max_bytes} bytes, which no such file is",
        )
    for _ in range(2):
        text = retry.call(ask)
        hasher = hasher_of(file.digest, file.size_bytes)
        hasher.update(text)
        if len(text) == file.size_bytes and matches(hasher, file.digest):
            return text
    raise _mismatch(file, retry.where)


def fetch_file(
    source: Readable,
    file: SourceFile,
    folder: Path,
    retry: Retry,
    counted: Callable[[int], None],
) -> None:
    """Fetch `file` to its place in `folder`. `counted` gets the bytes written, negative when some
    that were counted are thrown away.

    Raises:
        FetchFailed: `ChecksumMismatch`: the file was wrong twice; `SourceUnreachable`, or what the
            source raises.
        OSError: the volume is full, or not writable.
    """
    part = part_of(folder, file)
    part.parent.mkdir(parents=True, exist_ok=True)
    for _ in range(2):
        with part.open("ab+") as opened:
            writing = _Writing(opened, file, counted)
            _receive(source, writing, retry)
            if writing.is_right():
                os.fsync(opened.fileno())
                part.rename(folder / file.path)
                return
            writing.start_anew()
        logger.warning("%s of %s is not what it should be", file.path, retry.where)
    part.unlink()
    raise _mismatch(file, retry.where)


def _mismatch(file: SourceFile, where: str) -> FetchFailed:
    return FetchFailed(
        "ChecksumMismatch",
        f"{file.path} of {where} was fetched twice and is not what the source says it is "
        f"({file.digest[:24]}…, {file.size_bytes} bytes); look for a proxy or mirror that changes "
        "files",
    )


def _receive(source: Readable, writing: _Writing, retry: Retry) -> None:
    """All that is missing, in as many tries as it takes while each brings enough."""
    while not writing.is_full():
        before = writing.size_bytes
        broken = _read_on(source, writing)
        if writing.size_bytes - before >= LEAST_PROGRESS_BYTES:
            retry.reset()
        if not writing.is_full():
            retry.failed(broken)


def _read_on(source: Readable, writing: _Writing) -> TransferBroken:
    """One try; says why it brought no more than it did."""
    try:
        with source.read(writing.file, writing.size_bytes) as content:
            if content.offset_bytes != writing.size_bytes:
                writing.start_anew()
            for chunk in _fast_enough(content.chunks):
                writing.add(chunk)
                if writing.is_full():
                    break
    except TransferBroken as error:
        return error
    return TransferBroken("the connection was closed early")


def _fast_enough(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The same. Raises `TransferBroken` where a byte comes now and then, indefinitely."""
    began_s, received_bytes = time.monotonic(), 0
    for chunk in chunks:
        yield chunk
        received_bytes += len(chunk)
        if time.monotonic() - began_s > SLOW_S:
            if received_bytes < SLOWEST_BYTES_PER_S * SLOW_S:
                raise TransferBroken(f"it sends less than {SLOWEST_BYTES_PER_S} bytes a second")
            began_s, received_bytes = time.monotonic(), 0


class _Writing:
    """An open part of a file and the hash of what is in it."""

    def __init__(self, opened: BinaryIO, file: SourceFile, counted: Callable[[int], None]) -> None:
        self.file = file
        self.size_bytes = 0
        self._opened = opened
        self._counted = counted
        self._hasher = self._hash_present()

    def add(self, chunk: bytes) -> None:
        self._opened.write(chunk)
        self._opened.flush()
        self._hasher.update(chunk)
        before = self._counted_bytes()
        self.size_bytes += len(chunk)
        self._counted(self._counted_bytes() - before)

    def is_full(self) -> bool:
        return self.size_bytes >= self.file.size_bytes

    def is_right(self) -> bool:
        return self.size_bytes == self.file.size_bytes and matches(self._hasher, self.file.digest)

    def start_anew(self) -> None:
        self._counted(-self._counted_bytes())
        self._opened.truncate(0)
        self.size_bytes = 0
        self._hasher = hasher_of(self.file.digest, self.file.size_bytes)

    def _counted_bytes(self) -> int:
        """Bytes that are too many do not count."""
        return min(self.size_bytes, self.file.size_bytes)

    def _hash_present(self) -> Hasher:
        hasher = hasher_of(self.file.digest, self.file.size_bytes)
        self._opened.seek(0)
        while block := self._opened.read(_READ_BYTES):
            hasher.update(block)
            self.size_bytes += len(block)
        return hasher
