"""Bearer keys of those who may use a server, from a file that may change at any time.

    keys:
      - name: alice
        key: a-long-random-text        # or key_sha256: its SHA-256 in hex
        max_sessions: 4                # at once; 0 or nothing: any number
        sessions_per_minute: 30        # 0 or nothing: any number

A file that cannot be read or is wrong leaves the keys as they were. Guesses are looked up by their
SHA-256, so that the time it takes says nothing of any key.
"""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from matinee.serving.file_stamp import stamp_of
from matinee_api.config.config_model import Config
from matinee_api.config.errors import ConfigError, Problem
from matinee_api.config.load import load_file
from matinee_api.kinds.rules import broken_rules

SUBPROTOCOL = "matinee"
KEY_SUBPROTOCOL = "matinee.key."
TICKET_SUBPROTOCOL = "matinee.ticket."
"""A browser cannot set headers: its page offers the subprotocols `matinee` and
`matinee.ticket.TICKET`, or `matinee.key.KEY`."""
ID_BYTES = 8

logger = logging.getLogger(__name__)


class Key(Config):
    """One key and what its owner may do with it."""

    name: Annotated[str, Field(min_length=1, max_length=253)]
    """Of the owner; logs and queues know it by this. Several keys may have one owner."""
    key: str | None = Field(default=None, min_length=16, max_length=1024)
    """The key itself."""
    key_sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    """Or its digest, so that the file gives nobody a key."""
    max_sessions: int = Field(default=0, ge=0, le=10**6)
    """Sessions at once, of all keys of this owner; 0: any number."""
    sessions_per_minute: float = Field(default=0.0, ge=0, le=10**6)
    """Sessions that are begun; 0: any number."""

    @property
    def digest(self) -> bytes:
        if self.key_sha256 is not None:
            return bytes.fromhex(self.key_sha256)
        return hashlib.sha256((self.key or "").encode()).digest()

    @property
    def id(self) -> bytes:
        """Tells it from others, and says nothing of the key itself."""
        return hashlib.sha256(b"matinee key id " + self.digest).digest()[:ID_BYTES]

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.key is None) == (self.key_sha256 is None):
            raise broken_rules([("", "give either key or key_sha256")])
        return self


class KeysFile(Config):
    """The whole file."""

    keys: tuple[Key, ...] = Field(max_length=100_000)


class Keys:
    """Raises `ConfigError` when the file is wrong at the start."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._seen = stamp_of(file)
        self._keys = _read(file)
        self._by_id = {key.id: key for key in self._keys.values()}

    def of_id(self, key_id: bytes) -> Key | None:
        """None of one that is there no longer."""
        self._reload()
        return self._by_id.get(key_id)

    def holder(self, given: str | None) -> Key | None:
        """Whose key it is; None of an unknown one."""
        self._reload()
        digest = hashlib.sha256((given or "").encode("utf-8", "surrogatepass")).digest()
        found = self._keys.get(digest)
        return found if found and hmac.compare_digest(found.digest, digest) else None

    def _reload(self) -> None:
        stamp = stamp_of(self._file)
        if stamp == self._seen:
            return
        self._seen = stamp
        try:
            self._keys = _read(self._file)
            self._by_id = {key.id: key for key in self._keys.values()}
            logger.info("read %s again: %d keys", self._file, len(self._keys))
        except ConfigError as error:
            logger.warning("the keys stay as they were: %s", error)


def given_key(headers: Mapping[str, str]) -> str | None:
    """The key that a request brings. `headers` have names in lower case."""
    scheme, _, key = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and key:
        return key.strip()
    return _offered(headers, KEY_SUBPROTOCOL)


def given_ticket(headers: Mapping[str, str]) -> str | None:
    """The same of a ticket."""
    return _offered(headers, TICKET_SUBPROTOCOL)


def _offered(headers: Mapping[str, str], prefix: str) -> str | None:
    offered = (one.strip() for one in headers.get("sec-websocket-protocol", "").split(","))
    return next((one.removeprefix(prefix) for one in offered if one.startswith(prefix)), None)


def _read(file: Path) -> dict[bytes, Key]:
    """Raises `ConfigError`, which never shows a key."""
    try:
        return {key.digest: key for key in load_file(KeysFile, file).keys}
    except ConfigError as error:
        raise ConfigError(map(_without_value, error.problems)) from None


def _without_value(problem: Problem) -> Problem:
    return dataclasses.replace(problem, message=problem.message.partition("; got ")[0])
