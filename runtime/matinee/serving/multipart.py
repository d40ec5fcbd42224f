"""multipart/form-data (RFC 7578) as it comes: bytes enter, parts and pieces of them leave. Pure.

Nothing is kept but what may be the begin of a boundary, and the head of a part.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

MOST_HEAD_BYTES = 8192
"""Of one part."""
_BOUNDARY = re.compile(r';\s*boundary=(?:"([^"\\]{1,70})"|([^\s;,"]{1,70}))', re.I | re.A)
_PARAMETER = re.compile(r';\s*(name|filename)="((?:[^"\\]|\\.)*)"', re.I)


class Malformed(Exception):
    """What came is no form; the message is a sentence for whoever sent it."""


@dataclass(frozen=True, slots=True)
class Part:
    """A field, or a file where there is a `filename`."""

    name: str
    filename: str | None = None

    @property
    def is_file(self) -> bool:
        return self.filename is not None


class _At(Enum):
    BODY = auto()  # of a part, or what stands before the first
    BOUNDARY = auto()  # behind one
    HEAD = auto()
    END = auto()


class FormReader:
    """`complete` once the last boundary has come."""

    def __init__(self, content_type: str) -> None:
        """Raises `Malformed` when it names no boundary."""
        named = _BOUNDARY.search(content_type)
        if named is None:
            raise Malformed("the content-type multipart/form-data needs a boundary")
        self._delimiter = b"\r\n--" + (named[1] or named[2]).encode()
        self._held = bytearray(b"\r\n")  # so that the first boundary is as the others
        self._at = _At.BODY
        self._in_part = False

    @property
    def complete(self) -> bool:
        return self._at is _At.END

    def feed(self, data: bytes) -> Iterator[Part | bytes]:
        """Parts, each followed by its bytes. Take all of them. Raises `Malformed`."""
        if self.complete:
            return  # whatever follows, nobody reads it
        self._held += data
        while self._at is not _At.END:
            before = self._at
            piece = self._next()
            if piece:
                yield piece
            elif self._at is before:
                return

    def _next(self) -> Part | bytes | None:
        match self._at:
            case _At.BODY:
                return self._body()
            case _At.BOUNDARY:
                self._behind_boundary()
            case _At.HEAD:
                return self._head()
            case _At.END:
                pass
        return None

    def _body(self) -> bytes | None:
        end = self._held.find(self._delimiter)
        if end >= 0:
            self._at = _At.BOUNDARY
            return self._taken(end, also=len(self._delimiter))
        return self._taken(max(0, len(self._held) - len(self._delimiter) + 1))

    def _taken(self, count: int, also: int = 0) -> bytes | None:
        """The first bytes, if they are a part's; `also` so many after them are gone."""
        piece = bytes(self._held[:count]) if self._in_part else None
        del self._held[: count + also]
        return piece

    def _behind_boundary(self) -> None:
        if len(self._held) < 2:
            return
        mark = bytes(self._held[:2])
        if mark not in (b"--", b"\r\n"):
            raise Malformed("a boundary of the form is not followed by a line's end")
        self._at = _At.END if mark == b"--" else _At.HEAD
        del self._held[:2]

    def _head(self) -> Part | None:
        end = self._held.find(b"\r\n\r\n", 0, MOST_HEAD_BYTES)
        if end < 0:
            if len(self._held) >= MOST_HEAD_BYTES:
                raise Malformed(f"the head of a part has more than {MOST_HEAD_BYTES} bytes")
            return None
        head = bytes(self._held[:end])
        del self._held[: end + 4]
        self._at, self._in_part = _At.BODY, True
        return _part_of(head)


def _part_of(head: bytes) -> Part:
    for line in head.decode("utf-8", "replace").split("\r\n"):
        header, _, value = line.partition(":")
        if header.strip().lower() == "content-disposition":
            found = {name.lower(): _plain(text) for name, text in _PARAMETER.findall(value)}
            if "name" in found:
                return Part(found["name"], found.get("filename"))
    raise Malformed("a part of the form has no name")


def _plain(text: str) -> str:
    """Browsers write a quote as %22, others as a backslash before it."""
    return re.sub(r"\\(.)", r"\1", text).replace("%22", '"')
