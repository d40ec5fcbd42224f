"""States in a folder: they survive a restart, and processes may share it.

    .lock                       held while somebody claims, puts a state in its place, or sweeps
    .new-...                    a state that is being written, or was when its writer died
    SESSION/lease               who holds the session, and the fence
    SESSION/0000000003.state    the state after three segments (`container.py`)

A state is written aside first and put in its place under the lock, once the fence was found good:
a crash leaves the old state or the new one. Files that cannot be read (another version, a damaged
disk) count as absent. What is in the folder is for nobody else to read.
"""

from __future__ import annotations

import asyncio
import json
import logging
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from matinee.errors import LeaseLost, StoreUnavailable
from matinee.store.base import (
    SESSION_ID,
    Blob,
    Bounds,
    Kept,
    Lease,
    Saved,
    check_blobs,
    check_session_id,
    how_many_fit,
    next_fence,
)
from matinee.store.container import pack, unpack
from matinee.store.disk import locked, put_in_place, sync_folder, write_aside
from matinee_api.bounded_file import read_at_most

logger = logging.getLogger(__name__)

MAX_BYTES = 4 * 2**30
"""Of all the states together, where nothing is configured."""
MOST_LEASE_BYTES = 4096
NOBODY = ""
SUFFIX = ".state"

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    kept: Kept


@dataclass(slots=True)
class FileStore:
    """`clock` gives seconds since the epoch, as file times do. `lock_wait_s`: how long another
    process may hold the lock. `sweep_every`: saves between two looks for states that are too old
    or too many; the first save looks too."""

    directory: Path
    bounds: Bounds
    clock: Callable[[], float] = time.time
    lock_wait_s: float = 5.0
    sweep_every: int = 64
    _saves: int = 0

    async def claim(self, session_id: str, owner: str) -> Lease:
        check_session_id(session_id)
        return await _in_thread(lambda: Lease(session_id, owner, self._claim(session_id, owner)))

    async def release(self, lease: Lease) -> None:
        await _in_thread(lambda: self._release(lease))

    async def save(
        self, lease: Lease, segment: int, facts: bytes, blobs: Mapping[str, Blob]
    ) -> None:
        check_blobs(blobs)
        sweeps = self._saves % self.sweep_every == 0
        self._saves += 1
        await _in_thread(lambda: self._save(lease, segment, facts, blobs))
        if sweeps:
            await _in_thread(self._sweep)

    async def load(self, session_id: str, segment: int | None = None) -> Saved | None:
        check_session_id(session_id)
        return await _in_thread(lambda: self._load(session_id, segment))

    async def history(self, session_id: str) -> tuple[Kept, ...]:
        check_session_id(session_id)
        files = await _in_thread(lambda: self._young(session_id))
        return tuple(file.kept for file in files)

    async def forget(self, session_id: str) -> None:
        check_session_id(session_id)
        await _in_thread(lambda: self._forget(session_id))

    async def close(self) -> None:
        """Nothing is open."""

    # Who holds a session

    def _claim(self, session_id: str, owner: str) -> int:
        with self._locked():
            return self._hand_over(session_id, owner)

    def _release(self, lease: Lease) -> None:
        with self._locked():
            if self._holder(lease.session_id)[0] <= lease.fence:
                self._hand_over(lease.session_id, NOBODY)

    def _forget(self, session_id: str) -> None:
        with self._locked():
            for file in self._files(session_id):
                file.path.unlink()
            self._hand_over(session_id, NOBODY)

    def _hand_over(self, session_id: str, owner: str) -> int:
        fence = next_fence(self._holder(session_id)[0], self.clock())
        self._hold(Lease(session_id, owner, fence))
        return fence

    def _hold(self, lease: Lease) -> None:
        line = json.dumps({"fence": lease.fence, "owner": lease.owner}).encode()
        aside = write_aside(self.directory, [line], self.clock())
        put_in_place(aside, self._folder(lease.session_id) / "lease")

    def _holder(self, session_id: str) -> tuple[int, str]:
        """Fence and owner. A lease that cannot be read was never given."""
        path = self.directory / session_id / "lease"
        try:
            lease = json.loads(read_at_most(path, MOST_LEASE_BYTES))
            return int(lease["fence"]), str(lease["owner"])
        except FileNotFoundError:
            return 0, NOBODY
        except (ValueError, LookupError, TypeError, RecursionError) as error:
            logger.warning("%s is ignored: %s", path, error)
            return 0, NOBODY

    # What is kept

    def _save(self, lease: Lease, segment: int, facts: bytes, blobs: Mapping[str, Blob]) -> None:
        self._make(self.directory)
        aside = write_aside(self.directory, pack(facts, blobs), self.clock())
        try:
            with self._locked():
                self._check_fence(lease)
                folder = self._folder(lease.session_id)
                put_in_place(aside, folder / f"{segment:010d}{SUFFIX}")
                self._trim(lease.session_id, segment)
        finally:
            aside.unlink(missing_ok=True)

    def _check_fence(self, lease: Lease) -> None:
        fence, owner = self._holder(lease.session_id)
        if fence > lease.fence:
            raise LeaseLost(lease.session_id, owner)
        if fence < lease.fence:  # it was forgotten with all of an idle session
            self._hold(lease)

    def _trim(self, session_id: str, newest: int) -> None:
        files = self._files(session_id)
        history = [file for file in files if file.kept.segment <= newest]
        sizes = [file.kept.size_bytes for file in reversed(history)]
        stay = how_many_fit(sizes, self.bounds.history_states, self.bounds.history_bytes)
        for file in files:
            if file not in history[-stay:]:
                file.path.unlink()

    def _load(self, session_id: str, segment: int | None) -> Saved | None:
        for file in reversed(self._young(session_id)):
            if segment in (None, file.kept.segment) and (saved := _read(file)):
                return saved
        return None

    def _young(self, session_id: str) -> list[_File]:
        too_old = self.clock() - self.bounds.ttl_s
        return [file for file in self._files(session_id) if file.kept.saved_at_s >= too_old]

    def _files(self, session_id: str) -> list[_File]:
        """Oldest segment first."""
        return sorted(_states_in(self.directory / session_id), key=lambda file: file.kept.segment)

    # What is no longer kept

    def _sweep(self) -> None:
        with self._locked():
            folders = [path for path in self.directory.iterdir() if SESSION_ID.fullmatch(path.name)]
            states = [file for folder in folders for file in _states_in(folder)]
            self._remove_surplus(states)
            for leftover in self.directory.glob(".new-*"):
                self._remove_old(leftover)
            for folder in folders:
                self._remove_empty(folder)

    def _remove_surplus(self, states: list[_File]) -> None:
        newest_first = sorted(states, key=lambda file: file.kept.saved_at_s, reverse=True)
        sizes = [file.kept.size_bytes for file in newest_first]
        stay = how_many_fit(sizes, self.bounds.max_states, self.bounds.max_bytes)
        too_old = self.clock() - self.bounds.ttl_s
        for position, file in enumerate(newest_first):
            if position >= stay or file.kept.saved_at_s < too_old:
                file.path.unlink()

    def _remove_old(self, path: Path) -> None:
        with suppress(FileNotFoundError):  # its writer is alive and has put it in its place
            if path.stat().st_mtime < self.clock() - self.bounds.ttl_s:
                path.unlink()

    def _remove_empty(self, folder: Path) -> None:
        """A lease without states is kept as long as a state would be."""
        if not folder.is_dir() or any(_states_in(folder)):
            return
        self._remove_old(folder / "lease")
        with suppress(OSError):  # somebody else's file is in it
            folder.rmdir()

    # The folder

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._make(self.directory)
        with locked(self.directory / ".lock", self.lock_wait_s):
            yield

    def _folder(self, session_id: str) -> Path:
        folder = self.directory / session_id
        self._make(folder)
        return folder

    def _make(self, folder: Path) -> None:
        if not folder.is_dir():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            sync_folder(folder.parent)


def _states_in(folder: Path) -> Iterator[_File]:
    with suppress(FileNotFoundError, NotADirectoryError):
        for path in folder.iterdir():
            if path.suffix == SUFFIX and path.stem.isdecimal():
                with suppress(FileNotFoundError):  # another process sweeps
                    found = path.stat()
                    if stat.S_ISREG(found.st_mode):
                        yield _File(path, Kept(int(path.stem), found.st_mtime, found.st_size))


def _read(file: _File) -> Saved | None:
    try:
        return Saved(file.kept.segment, *unpack(file.path.read_bytes()))
    except FileNotFoundError:
        return None
    except ValueError as error:
        logger.warning("%s is ignored: %s", file.path, error)
        return None


async def _in_thread(work: Callable[[], _Result]) -> _Result:
    try:
        return await asyncio.to_thread(work)
    except OSError as error:
        raise StoreUnavailable(str(error)) from error
