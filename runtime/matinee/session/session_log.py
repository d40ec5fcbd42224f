"""A session's log: `session-<id>.jsonl`, one JSON object a line.

Only sessions that got a slot have one: whoever connects and waits leaves no file. Writing happens
off the event loop, in order, on one thread that all sessions share; so many lines may wait for it,
and more are dropped and counted. A full disk loses log lines, never a session. Prompts are in the
files, so they are for their owner only, and the oldest ones go.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from matinee.session.metrics import Metrics
from matinee.store.base import how_many_fit
from matinee_api.plain_text import escaped

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LogBounds:
    """`ttl_s`: since a log's last line. `waiting_lines`: not yet written. `sweep_every`: lines
    between two looks for logs that are too old or too many; the first line looks too."""

    ttl_s: float
    max_files: int
    max_bytes: int
    waiting_lines: int = 4096
    sweep_every: int = 256


class SessionLogs:
    """`directory` None switches logging off. `close` waits for what is under way; lines that come
    later are lost. `clock` gives seconds since the epoch."""

    def __init__(
        self,
        directory: Path | None,
        bounds: LogBounds,
        metrics: Metrics,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._directory = directory
        self._bounds = bounds
        self._metrics = metrics
        self._clock = clock
        self._begun: Counter[str] = Counter()
        """How often: one life of a session may begin before the log of the last one has ended."""
        self._lines = 0
        self._room = threading.BoundedSemaphore(bounds.waiting_lines)
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="session-log")
        self._warned = False
        self._closed = False

    def begin(self, session_id: str, **payload: Any) -> None:
        """The session has a slot."""
        self._begun[session_id] += 1
        self.write(session_id, "opened", **payload)

    def end(self, session_id: str, **payload: Any) -> None:
        self.write(session_id, "ended", **payload)
        self._begun[session_id] -= 1
        if self._begun[session_id] <= 0:
            del self._begun[session_id]

    def write(self, session_id: str, event: str, **payload: Any) -> None:
        """Lost for a session that has not begun."""
        if self._directory is None or self._closed or session_id not in self._begun:
            return
        now = self._clock()
        line = {
            "session_id": session_id,
            "event": event,
            "ts": datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds"),
            "payload": payload,
        }
        path = self._directory / f"session-{session_id}.jsonl"
        self._submit(_append, path, escaped(json.dumps(line, ensure_ascii=False)))
        if self._lines % self._bounds.sweep_every == 0:
            self._submit(_sweep, self._directory, self._bounds, now)
        self._lines += 1

    def close(self) -> None:
        self._closed = True
        self._writer.shutdown(wait=True)

    def _submit(self, write: Callable[..., None], *arguments: Any) -> None:
        if self._room.acquire(blocking=False):
            self._writer.submit(write, *arguments).add_done_callback(self._written)
        else:
            self._metrics.log_lines_dropped.inc()

    def _written(self, written: Future[None]) -> None:
        self._room.release()
        error = written.exception()
        if error is not None and not self._warned:
            self._warned = True
            logger.warning("session logs cannot be written: %s", error)


def _append(path: Path, line: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab") as file:
        file.write(line.encode() + b"\n")


def _sweep(directory: Path, bounds: LogBounds, now_s: float) -> None:
    newest_first = sorted(_logs(directory), reverse=True)
    sizes = [size for _, size, _ in newest_first]
    stay = how_many_fit(sizes, bounds.max_files, bounds.max_bytes)
    for position, (written_at_s, _, path) in enumerate(newest_first):
        if position >= stay or written_at_s < now_s - bounds.ttl_s:
            path.unlink(missing_ok=True)


def _logs(directory: Path) -> Iterator[tuple[float, int, Path]]:
    for path in directory.glob("session-*.jsonl"):
        with contextlib.suppress(FileNotFoundError):  # another process sweeps too
            found = path.stat()
            yield found.st_mtime, found.st_size, path
