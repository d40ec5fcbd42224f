"""The log of every program: one JSON object for each line.

Only the fields below. Libraries hang objects of their own on records (kopf does), and a formatter
that writes every extra field fails on them. What terminals obey is
escaped, also where JSON would not.
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

from matinee_api.plain_text import escaped

MAX_CHARACTERS = 20_000
"""Of a message, and of a traceback."""


class JsonLines(logging.Formatter):
    """A record as JSON: `ts`, `level`, `logger`, `message`, and `exception` with its traceback."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "ts": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage()[:MAX_CHARACTERS],
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)[-MAX_CHARACTERS:]
        return escaped(json.dumps(line, ensure_ascii=False))
