"""What language models are told to do, in files that may change while the server runs."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Literal, get_args

from matinee.serving.file_stamp import Stamp, stamp_of
from matinee_api.bounded_file import read_at_most

logger = logging.getLogger(__name__)

Operation = Literal["enhance", "auto_extend", "rewrite"]
OPERATIONS: tuple[Operation, ...] = get_args(Operation)
MOST_BYTES = 64 * 1024
OWN = Path(__file__).with_name("texts")
"""Used where the folder has no file of that name."""


class SystemPrompts:
    """`folder`: with `enhance.txt`, `auto_extend.txt` and `rewrite.txt`, or some of them. A file
    that has changed is read again when it is needed; one that cannot be read leaves the last text
    as it was. In `rewrite.txt` `{count}` is the number that is asked for."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._kept: dict[Operation, tuple[Stamp, str]] = {}

    def text(self, operation: Operation) -> str:
        file, stamp = self._file(operation)
        kept = self._kept.get(operation)
        if kept is not None and kept[0] == stamp:
            return kept[1]
        try:
            text = read_at_most(file, MOST_BYTES).decode().strip()
        except (OSError, UnicodeDecodeError) as error:
            logger.warning("the system prompt %s cannot be read: %s", file.name, error)
            text = kept[1] if kept is not None else (OWN / file.name).read_text()
        self._kept[operation] = stamp, text
        return text

    def reload(self) -> None:
        """Read them all again, though they seem to be the same."""
        self._kept = {name: (None, text) for name, (_, text) in self._kept.items()}
        for operation in OPERATIONS:
            self.text(operation)

    def _file(self, operation: Operation) -> tuple[Path, Stamp]:
        if self._folder is not None:
            file = self._folder / f"{operation}.txt"
            if (stamp := stamp_of(file)) is not None:
                return file, stamp
        own = OWN / f"{operation}.txt"
        return own, stamp_of(own)
