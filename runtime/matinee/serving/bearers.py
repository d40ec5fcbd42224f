"""Bearer tokens: one that is given, and those of a file that may change at any time."""

from __future__ import annotations

import hmac
import os
from dataclasses import dataclass
from pathlib import Path

from matinee.errors import BadInput

MAX_FILE_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Bearers:
    """`file`: tokens that fit beside `token`, one a line. It is read again at each question, so
    that a mounted Secret can be rotated: for a while it holds the old token and the new one."""

    token: str | None = None
    file: Path | None = None

    @property
    def wanted(self) -> bool:
        """Also while the file cannot be read: then nobody fits."""
        return self.token is not None or self.file is not None

    def check(self, key: str) -> None:
        """Raises `BadInput` when the file, which `key` names, gives no token: nobody could ever
        get in."""
        if self.file is not None and not self._of_file():
            problem = f"{self.file} cannot be read or holds no token; write one, on one line"
            raise BadInput(key, problem, joint=": ")

    def fit(self, authorization: str) -> bool:
        """A header's value. Takes as long for a good guess as for a bad one."""
        scheme, _, given = authorization.partition(" ")
        same = [hmac.compare_digest(given.encode("latin-1"), token) for token in self.known()]
        return any(same) and scheme.lower() == "bearer"

    def known(self) -> tuple[bytes, ...]:
        """All of them, those of the file first."""
        return (*self._of_file(), *self._own())

    def _of_file(self) -> tuple[bytes, ...]:
        if self.file is None:
            return ()
        try:
            with self.file.open("rb") as file:
                lines = file.read(MAX_FILE_BYTES).splitlines()
        except OSError:
            return ()
        return tuple(token for line in lines if (token := line.strip()))

    def _own(self) -> tuple[bytes, ...]:
        """As a variable of the environment holds it: any bytes, often with a line's end."""
        token = os.fsencode(self.token or "").strip()
        return (token,) if token else ()
