"""States in a folder, one `state-<session id>.json` each: they survive a restart.

A file is written beside its place and renamed into it, so that a crash leaves the old state or the
new one. Files that cannot be read (another version, a damaged disk) count as absent.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from matinee.errors import InvalidState
from matinee.generation import State
from matinee.state.codec import state_from_wire, state_to_wire

logger = logging.getLogger(__name__)

SWEEP_EVERY = 64
"""Writes between two looks for states that are too old or too many; the first write looks too."""
SESSION_ID = re.compile(r"[A-Za-z0-9-]{1,128}")


@dataclass(slots=True)
class FileStore:
    """`clock` gives seconds since the epoch, as file times do."""

    directory: Path
    ttl_s: float
    max_states: int
    clock: Callable[[], float] = time.time
    _writes: int = 0

    async def put(self, session_id: str, state: State) -> None:
        sweep = self._writes % SWEEP_EVERY == 0
        self._writes += 1
        await asyncio.to_thread(self._write, session_id, state, sweep)

    async def get(self, session_id: str) -> State | None:
        if not SESSION_ID.fullmatch(session_id):
            return None
        return await asyncio.to_thread(self._read, session_id)

    def _path(self, session_id: str) -> Path:
        """Raises `ValueError` for an id that could lead out of the folder."""
        if not SESSION_ID.fullmatch(session_id):
            raise ValueError(f"{session_id!r} is not a session id")
        return self.directory / f"state-{session_id}.json"

    def _write(self, session_id: str, state: State, sweep: bool) -> None:
        path = self._path(session_id)
        self.directory.mkdir(parents=True, exist_ok=True)
        beside = path.with_suffix(".tmp")
        beside.write_text(json.dumps(state_to_wire(state)), encoding="utf-8")
        now = self.clock()
        os.utime(beside, (now, now))
        beside.replace(path)
        if sweep:
            self._sweep()

    def _read(self, session_id: str) -> State | None:
        path = self._path(session_id)
        try:
            if self.clock() - path.stat().st_mtime > self.ttl_s:
                return None
            wire = json.loads(path.read_text(encoding="utf-8"))
            return state_from_wire(wire["kind"], wire["payload"])
        except FileNotFoundError:
            return None
        except (OSError, ValueError, LookupError, TypeError, RecursionError, InvalidState) as error:
            logger.warning("%s is ignored: %s", path, error)
            return None

    def _sweep(self) -> None:
        newest_first = sorted(self._ages(), reverse=True)
        too_old = self.clock() - self.ttl_s
        for position, (written_at, path) in enumerate(newest_first):
            if position >= self.max_states or written_at < too_old:
                path.unlink(missing_ok=True)

    def _ages(self) -> Iterator[tuple[float, Path]]:
        """Of all the states, and of what a crash left half written."""
        for path in self.directory.glob("state-*"):
            with contextlib.suppress(FileNotFoundError):  # another process sweeps too
                yield path.stat().st_mtime, path
