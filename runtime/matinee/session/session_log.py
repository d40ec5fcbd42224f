"""A session's log: `session-<id>.jsonl`, one JSON object a line.

Writing happens off the event loop, in order, on one thread that all sessions share. A full disk
loses log lines, never a session. Logs to which nothing was written for long are removed.
"""

from __future__ import annotations

import contextlib
import json
import logging
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)

SWEEP_EVERY = 1024
"""Lines between two looks for old logs; the first line looks too."""


class SessionLogs:
    """`directory` None switches logging off. `close` waits for what is under way; lines that come
    later are lost."""

    def __init__(self, directory: Path | None, ttl_s: float) -> None:
        self._directory = directory
        self._ttl_s = ttl_s
        self._lines = 0
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
        self._submit(_append, path, json.dumps(line, ensure_ascii=False))
        if self._lines % SWEEP_EVERY == 0:
            self._submit(_remove_older, self._directory, time.time() - self._ttl_s)
        self._lines += 1

    def close(self) -> None:
        self._closed = True
        self._writer.shutdown(wait=True)

    def _submit(self, write: Callable[..., None], *arguments: Any) -> None:
        self._writer.submit(write, *arguments).add_done_callback(self._warn_once)

    def _warn_once(self, written: Future[None]) -> None:
        error = written.exception()
        if error is not None and not self._warned:
            self._warned = True
            logger.warning("session logs cannot be written: %s", error)


def _append(path: Path, line: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(line + "\n")


def _remove_older(directory: Path, oldest_s: float) -> None:
    for path in directory.glob("session-*.jsonl"):
        with contextlib.suppress(FileNotFoundError):  # another process sweeps too
            if path.stat().st_mtime < oldest_s:
                path.unlink()
