"""The operator's log: JSON lines on stderr, as the runtime writes them."""

from __future__ import annotations

import logging
import sys

from matinee_api.json_lines import JsonLines


def log_to_stderr(level: str) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[handler])
    logging.getLogger("kopf").setLevel(logging.WARNING)  # it logs every event
