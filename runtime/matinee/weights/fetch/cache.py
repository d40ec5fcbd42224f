"""How a folder appears on a volume: all at once, whatever happens on the way.

    FOLDER            complete, with its manifest, or absent
    FOLDER.partial    what is being fetched: files that are complete and checked under their names,
                      a file that is not under its name with `.part`, and the manifest of them all
    FOLDER.old        a folder that was damaged or replaced, until what it has of use is taken over
    FOLDER.lock       empty; the process that changes the others has it locked (flock)

A second process waits for the lock, and then finds the first one's work. A lock dies with its
process, on a network volume with its node.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from matinee.weights.fetch.errors import FetchFailed
from matinee.weights.fetch.files import SourceFile
from matinee.weights.fetch.manifest import (
    MANIFEST,
    Manifest,
    read_manifest,
    size_at,
    write_manifest,
)

logger = logging.getLogger(__name__)
PART = ".part"


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Alone with `folder` and what lies beside it; waits for as long as another has it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with beside(folder, ".lock").open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            logger.info("another process fetches %s; waiting for it", folder)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def beside(folder: Path, suffix: str) -> Path:
    return folder.with_name(folder.name + suffix)


def complete(folder: Path, uri: str, commit: str | None) -> Manifest | None:
    """The manifest of a folder that is what is wanted, and whole."""
    manifest = read_manifest(folder)
    if manifest and manifest.is_of(uri, commit) and manifest.is_whole(folder):
        return manifest
    return None


def begin(folder: Path, wanted: Manifest) -> Path:
    """The folder to fetch into, with whatever is there already and still wanted.

    A folder of the same version that is damaged is taken out of sight; one of another version stays
    until `finish`.

    Raises:
        FetchFailed: `SourceUnsupported`: something that is not ours stands where it shall be.
    """
    _check_place(folder)
    partial, old = beside(folder, ".partial"), beside(folder, ".old")
    partial.mkdir(exist_ok=True)
    _drop_unwanted(partial, wanted)
    write_manifest(partial, wanted)
    _salvage(old, partial, wanted)
    if _is_damaged(folder, wanted):
        logger.warning("%s is damaged; what is wrong is fetched again", folder)
        folder.rename(old)
        _salvage(old, partial, wanted)
    return partial


def finish(folder: Path, partial: Path) -> None:
    """Let the complete folder appear."""
    old = beside(folder, ".old")
    for directory, _, _ in os.walk(partial):
        _sync(Path(directory))
    if (folder / MANIFEST).exists():
        folder.rename(old)
    partial.rename(folder)
    _sync(folder.parent)
    _remove(old)


def missing_bytes(partial: Path, wanted: Manifest) -> int:
    """Still to be fetched."""
    return wanted.total_bytes - sum(present_bytes(partial, file) for file in wanted.files)


def present_bytes(partial: Path, file: SourceFile) -> int:
    """What is there of one file, checked or not."""
    for path in (partial / file.path, part_of(partial, file)):
        if (size := size_at(path)) is not None:
            return min(size, file.size_bytes)
    return 0


def part_of(partial: Path, file: SourceFile) -> Path:
    return partial / f"{file.path}{PART}"


def _check_place(folder: Path) -> None:
    if folder.is_mount():
        raise FetchFailed(
            "SourceUnsupported",
            f"{folder} is a mount point, which cannot appear all at once; mount the volume at "
            f"{folder.parent}",
        )
    if folder.exists() and any(folder.iterdir()) and not (folder / MANIFEST).exists():
        raise FetchFailed(
            "SourceUnsupported",
            f"{folder} exists and was not fetched by matinee; remove it, or choose another folder",
        )


def _is_damaged(folder: Path, wanted: Manifest) -> bool:
    """Called for folders that are not `complete` only."""
    manifest = read_manifest(folder)
    if manifest is None:
        return (folder / MANIFEST).exists()
    return manifest.is_of(wanted.uri, wanted.commit)


def _drop_unwanted(partial: Path, wanted: Manifest) -> None:
    """Keep only files that are as wanted now; parts of others would never match."""
    before = read_manifest(partial)
    same = set(wanted.files) & set(before.files if before else ())
    kept = {partial / file.path for file in same} | {part_of(partial, file) for file in same}
    sizes = {partial / file.path: file.size_bytes for file in same}
    for path in _files_below(partial):
        if path not in kept or sizes.get(path, size_at(path)) != size_at(path):
            path.unlink()


def _salvage(old: Path, partial: Path, wanted: Manifest) -> None:
    """Take over what `old` may have of use, to be checked like a part, and remove the rest."""
    before = read_manifest(old)
    for file in set(wanted.files) & set(before.files if before else ()):
        if size_at(old / file.path) == file.size_bytes > present_bytes(partial, file):
            part = part_of(partial, file)
            part.parent.mkdir(parents=True, exist_ok=True)
            (old / file.path).rename(part)
    _remove(old)


def _files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if not path.is_dir() or path.is_symlink()]


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
