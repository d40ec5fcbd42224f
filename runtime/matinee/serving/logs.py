"""Logging of our processes: readable on a terminal, JSON lines elsewhere.

Everything goes to stderr: stdout belongs to results.
"""

from __future__ import annotations

import logging
import sys

from matinee_api.json_lines import JsonLines

QUIET = {
    "httpx2": logging.WARNING,  # tells addresses that are signed, and so as good as passwords
    "uvicorn.error": logging.WARNING,
    "websockets": logging.WARNING,
}
"""Libraries that say at INFO what ours says better, or nobody should read."""


def log_to_stderr(level: int = logging.INFO) -> None:
    """Configure the root logger of this process."""
    handler = logging.StreamHandler(sys.stderr)
    if sys.stderr.isatty():
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%H:%M:%S"))
    else:
        handler.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name, level in QUIET.items():
        logging.getLogger(name).setLevel(level)
