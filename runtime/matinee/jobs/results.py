"""Where the files of jobs are that several servers share: `JOB/PART/NAME`. A part is what one
server made, or what a client sent. Blocking; each file is there whole or not at all.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from matinee.store.disk import sync_folder


class Results(Protocol):
    """Every method raises OSError for whatever the medium does."""

    def put(self, job_id: str, part: str, name: str, file: Path) -> None:
        """The file stays where it is."""
        ...

    def get(self, job_id: str, part: str, name: str) -> Path:
        """Where the file is once it was fetched; where there is none, nothing is."""
        ...

    def fetch(self, path: Path) -> None:
        """What `get` gave is on this server's disk, if it is anywhere. Takes its time."""
        ...

    def jobs(self) -> Iterator[str]:
        """Ids of all that have files."""
        ...

    def parts(self, job_id: str) -> set[str]: ...

    def remove(self, job_id: str, part: str | None = None) -> None:
        """All its files, or those of a part. What is not there is no problem."""
        ...


class FolderResults:
    """In a folder that all servers have, such as a ReadWriteMany volume."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def put(self, job_id: str, part: str, name: str, file: Path) -> None:
        place = self._directory / job_id / part
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = place / f".{name}.new"
        with file.open("rb") as source, new.open("wb") as copy:
            shutil.copyfileobj(source, copy, 2**20)
            copy.flush()
            os.fsync(copy.fileno())
        new.rename(place / name)
        sync_folder(place)

    def get(self, job_id: str, part: str, name: str) -> Path:
        return self._directory / job_id / part / name

    def fetch(self, path: Path) -> None:
        """It is there."""

    def jobs(self) -> Iterator[str]:
        if self._directory.exists():
            yield from (folder.name for folder in self._directory.iterdir())

    def parts(self, job_id: str) -> set[str]:
        try:
            return {folder.name for folder in (self._directory / job_id).iterdir()}
        except FileNotFoundError:
            return set()

    def remove(self, job_id: str, part: str | None = None) -> None:
        folder = self._directory / job_id
        shutil.rmtree(folder / part if part else folder, ignore_errors=True)
        with suppress(OSError):  # there are others, or it is gone
            folder.rmdir()
