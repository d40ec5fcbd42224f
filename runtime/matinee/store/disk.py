"""Files that are there whole or not at all, whoever dies, and a lock between processes."""

from __future__ import annotations

import fcntl
import os
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from matinee.store.base import Blob

RETRY_S = 0.005


def write_aside(directory: Path, parts: Iterable[Blob], written_at_s: float) -> Path:
    """A new file that nobody else may read, safe on the disk, for `put_in_place`."""
    descriptor, name = tempfile.mkstemp(prefix=".new-", dir=directory)
    path = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.writelines(parts)
            file.flush()
            os.fsync(descriptor)
        os.utime(path, (written_at_s, written_at_s))
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return path


def put_in_place(aside: Path, path: Path) -> None:
    """Afterwards `path` is this file, also after a power cut."""
    aside.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def locked(path: Path, wait_s: float) -> Iterator[None]:
    """Hold the lock: no other thread or process does. A holder that dies lets go of it.

    Raises `TimeoutError`, an `OSError`, when one that is alive does not.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _lock(descriptor, path, wait_s)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, path: Path, wait_s: float) -> None:
    give_up = time.monotonic() + wait_s
    while True:
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        if time.monotonic() > give_up:
            raise TimeoutError(f"{path} has been locked for {wait_s:g} s")
        time.sleep(RETRY_S)
