"""Digests of files, by the names that hubs and object stores give them.

A digest is text: `sha256:<hex>`, `git-sha1:<hex>` (a git blob: its size is hashed too),
`md5:<hex>`, `sha1:<base64>`, `sha256-base64:<base64>`, `crc32:`, `crc32c:` and
`crc64nvme:<base64>` as S3 writes them, or `etag:<anything>`, which tells versions apart and cannot
be computed.
"""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Callable
from typing import Protocol

from awscrt import checksums


class Hasher(Protocol):
    """Takes a file's bytes in order."""

    def update(self, data: bytes, /) -> None: ...

    def digest(self) -> bytes: ...


class _Crc:
    def __init__(self, function: Callable[[bytes, int], int], width_bytes: int) -> None:
        self._function = function
        self._width_bytes = width_bytes
        self._value = 0

    def update(self, data: bytes, /) -> None:
        self._value = self._function(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._width_bytes, "big")


class _Nothing:
    """Of a digest that cannot be computed."""

    def update(self, data: bytes, /) -> None:
        pass

    def digest(self) -> bytes:
        return b""


def _sha1() -> Hasher:
    return hashlib.sha1(usedforsecurity=False)


def _md5() -> Hasher:
    return hashlib.md5(usedforsecurity=False)


_HASHERS: dict[str, Callable[[], Hasher]] = {
    "sha256": hashlib.sha256,
    "git-sha1": _sha1,
    "md5": _md5,
    "sha1": _sha1,
    "sha256-base64": hashlib.sha256,
    "crc32": lambda: _Crc(zlib.crc32, 4),
    "crc32c": lambda: _Crc(checksums.crc32c, 4),
    "crc64nvme": lambda: _Crc(checksums.crc64nvme, 8),
    "etag": _Nothing,
}
_HEX = {"sha256", "git-sha1", "md5"}


def hasher_of(digest: str, size_bytes: int) -> Hasher:
    """A hasher for a file that should have this digest and size."""
    algorithm = _algorithm(digest)
    hasher = _HASHERS[algorithm]()
    if algorithm == "git-sha1":
        hasher.update(b"blob %d\0" % size_bytes)
    return hasher


def matches(hasher: Hasher, digest: str) -> bool:
    """Whether what the hasher took is what the digest tells; True where it cannot be told."""
    algorithm = _algorithm(digest)
    if algorithm == "etag":
        return True
    raw = hasher.digest()
    value = raw.hex() if algorithm in _HEX else base64.b64encode(raw).decode()
    return digest == f"{algorithm}:{value}"


def _algorithm(digest: str) -> str:
    return digest.partition(":")[0]
