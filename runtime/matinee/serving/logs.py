"""Logging of our processes: readable on a terminal, JSON lines elsewhere.

Everything goes to stderr: stdout belongs to results.
"""

from __future__ import annotations

import logging
import sys
from typing import Any

from matinee_api.json_lines import MAX_CHARACTERS, JsonLines
from matinee_api.plain_text import plain, plain_lines

QUIET = {
    "httpx2": logging.WARNING,  # tells addresses that are signed, and so as good as passwords
    "uvicorn.error": logging.WARNING,
    "websockets": logging.WARNING,
}
"""Libraries that say at INFO what ours says better, or nobody should read."""


class TextLines(logging.Formatter):
    """A record as a line for people: whatever a stranger's text holds, it begins no other line, and
    the terminal obeys none of it."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s", "%H:%M:%S")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (logging's name)
        record.message = plain(record.message, MAX_CHARACTERS)
        return super().formatMessage(record)

    def formatException(self, ei: Any) -> str:  # noqa: N802 (as above)
        return plain_lines(super().formatException(ei)[-MAX_CHARACTERS:], MAX_CHARACTERS)


def log_to_stderr(level: int = logging.INFO) -> None:
    """Configure the root logger of this process."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(TextLines() if sys.stderr.isatty() else JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name, level in QUIET.items():
        logging.getLogger(name).setLevel(level)
