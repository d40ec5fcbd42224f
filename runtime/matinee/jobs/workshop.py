"""The folder of the jobs, which several servers may share.

    jobs.sqlite              the list (`ledger.py`)
    holders/HOLDER           held under a lock by each server while it lives
    making/HOLDER/           what a server is writing; worthless once it is dead
    files/JOB/               a job's `input`, and what it became when it is completed

A file appears in `files` by a rename within a transaction of the ledger, so what has no record, or
none that is completed, was left by a process that died and is swept.
"""

from __future__ import annotations

import fcntl
import os
import platform
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from matinee.store.disk import sync_folder

INPUT = "input"
HOLDERS = "holders"
IMAGE = "image"
"""The variant that only orders for an image have: its one picture, without loss."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One of the files that a job becomes."""

    file: str
    mime: str


VARIANTS = {
    "video": Variant("video.mp4", "video/mp4"),
    "thumbnail": Variant("thumbnail.webp", "image/webp"),
    "spritesheet": Variant("spritesheet.webp", "image/webp"),
    IMAGE: Variant("picture.png", "image/png"),
}
"""As clients call them."""


class Workshop:
    """Raises OSError for whatever the disk does."""

    def __init__(self, directory: Path) -> None:
        self.ledger_file = directory / "jobs.sqlite"
        self.holder = f"{platform.node()}-{secrets.token_hex(8)}"
        self._holders, self._files = directory / HOLDERS, directory / "files"
        self._all_making = directory / "making"
        self.making = self._all_making / self.holder
        for folder in (directory, self._holders, self._files, self._all_making, self.making):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = self._held()

    def close(self) -> None:
        """What this server was writing is gone; others see that it has ended."""
        shutil.rmtree(self.making, ignore_errors=True)
        (self._holders / self.holder).unlink(missing_ok=True)
        self._let_go()

    def _let_go(self) -> None:
        os.close(self._lock)

    def is_alive(self, holder: str) -> bool:
        """Whether that server is. The trace of a dead one is removed."""
        path = self._holders / holder
        alive = _is_locked(path)
        if not alive:
            path.unlink(missing_ok=True)
        return alive

    def file(self, job_id: str, name: str) -> Path:
        """`name`: `INPUT`, or the file of a variant."""
        return self._files / job_id / name

    # Within a transaction of the ledger

    def take_input(self, job_id: str, upload: Path) -> None:
        """The uploaded image becomes the job's."""
        (self._files / job_id).mkdir(mode=0o700)
        upload.replace(self.file(job_id, INPUT))

    def share_input(self, job_id: str, source_id: str) -> None:
        """The image of one job becomes that of another too."""
        (self._files / job_id).mkdir(mode=0o700)
        os.link(self.file(source_id, INPUT), self.file(job_id, INPUT))

    def put_in_place(self, job_id: str, made: Path) -> int:
        """Everything in the folder becomes the job's. Returns the bytes of all its files."""
        place = self._files / job_id
        place.mkdir(mode=0o700, exist_ok=True)
        for file in made.iterdir():
            file.replace(place / file.name)
        sync_folder(place)
        return sum(file.stat().st_size for file in place.iterdir())

    def remove(self, job_id: str) -> None:
        shutil.rmtree(self._files / job_id, ignore_errors=True)

    def sweep(self, completed: Mapping[str, bool]) -> None:
        """`completed`: of every job that there is."""
        for folder in self._files.iterdir():
            if folder.name not in completed:
                shutil.rmtree(folder, ignore_errors=True)
            elif not completed[folder.name]:
                for file in folder.iterdir():
                    if file.name != INPUT:
                        file.unlink(missing_ok=True)
        for folder in self._all_making.iterdir():
            if not self.is_alive(folder.name):
                shutil.rmtree(folder, ignore_errors=True)

    def _held(self) -> int:
        """The lock comes before the name: whoever sees the name sees it locked."""
        new = self._holders / f".new-{self.holder}"
        descriptor = os.open(new, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        new.rename(self._holders / self.holder)
        return descriptor


def is_left_behind(directory: Path) -> bool:
    """Whether every server that had this folder was killed. One that has just made it is not in it
    so far, and one that ends in order has taken its name out: neither is meant."""
    holders = list((directory / HOLDERS).iterdir())
    return bool(holders) and not any(_is_locked(holder) for holder in holders)


def _is_locked(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
