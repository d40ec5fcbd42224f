"""A session's log: `session-<id>.jsonl`, one JSON object a line.

Writing happens off the event loop, in order, on one thread that all sessions share. A full disk
loses log lines, never a session.
"""

from __future__ import annotations

import json
import logging
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)


class SessionLogs:
    """`directory` None switches logging off. `close` waits for what is under way; lines that come
    later are lost."""

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="session-log")
        self._warned = False
        self._closed = False

    def write(self, session_id: str, event: str, **payload: Any) -> None:
        if self._directory is None or self._closed:
            return
        line = {
            "session_id": session_id,
            "event": event,
            "ts": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "payload": payload,
        }
        path = self._directory / f"session-{session_id}.jsonl"
        self._writer.submit(_append, path, json.dumps(line, ensure_ascii=False)).add_done_callback(
            self._warn_once
        )

    def close(self) -> None:
        self._closed = True
        self._writer.shutdown(wait=True)

    def _warn_once(self, written: Future[None]) -> None:
        error = written.exception()
        if error is not None and not self._warned:
            self._warned = True
            logger.warning("session logs cannot be written: %s", error)


def _append(path: Path, line: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(line + "\n")
