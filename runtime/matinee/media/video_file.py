"""A file that appears only when it is whole, and what can be said against its path before.

A `MediaStream`'s `init` followed by its fragments is a complete, playable MP4 file as it stands,
so a video that ends early is whole after each of its pieces.
"""

from __future__ import annotations

import io
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from matinee.errors import BadInput, MatineeError

ANYBODY_WRITES = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


class CannotWrite(MatineeError):
    """The disk is full, the device is gone: something that is not wrong with the path itself."""

    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(f"{path} cannot be written: {error.strerror}")


class NewFile:
    """Takes the pieces of a file."""

    def __init__(self, path: Path, file: io.FileIO) -> None:
        self.partial = Path(os.fsdecode(file.name))
        """Where the pieces are until the file is whole."""
        self._path = path
        self._file = file

    def write(self, piece: bytes) -> None:
        """Add a piece, whole or not at all. Raises `CannotWrite`."""
        end = self._file.tell()
        rest = memoryview(piece)
        try:
            with writing(self._path):
                while rest:
                    rest = rest[self._file.write(rest) :]
        except CannotWrite:
            self._file.seek(end)
            self._file.truncate()
            raise


@contextmanager
def new_file(path: Path) -> Iterator[NewFile]:
    """A file to write to. It takes `path`, replacing what was there, when the block ends; when the
    block raises, nothing is left of it. Raises `CannotWrite`."""
    partial = _partial(path)
    try:
        with writing(path):
            file = partial.open("wb", buffering=0)
        with file:
            yield NewFile(path, file)
            with writing(path):
                file.close()
                partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """The same for a folder: what is put into the one that is given is in `path` at the end, where
    nothing or an empty folder may be."""
    partial = _partial(path)
    try:
        with writing(path):
            partial.mkdir()
        yield partial
        with writing(path):
            partial.rename(path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def check_new_folder(param: str, path: Path) -> None:
    """Raise `BadInput` unless a folder can be made at `path`, or is there and empty."""
    if os.path.isdir(path):  # no path fails it, however long
        with _possible(param, path):
            is_empty = not any(path.iterdir())
        if not is_empty:
            raise BadInput(param, f"{path} is not empty; name a new folder", joint=": ")
    else:
        check_new_file(param, path)


def check_new_file(param: str, path: Path) -> None:
    """Raise `BadInput` unless a file can be made at `path`. `param`: what the caller calls it."""
    with _possible(param, path):
        problem = _problem(path)
    if problem:
        raise BadInput(param, problem, joint=": ")


@contextmanager
def _possible(param: str, path: Path) -> Iterator[None]:
    """What the system says against the path in the block is told as `BadInput`."""
    try:
        yield
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        problem = f"{path} cannot be written: {reason}; name another file"
        raise BadInput(param, problem, joint=": ") from error


def _problem(path: Path) -> str:
    """What speaks against the path in words, or an error of the system's; "" when nothing does."""
    if path.is_dir():
        return f"{path} is a folder; name a file in it"
    if path.exists() and not path.is_file():
        return f"{path} is not a file that can be replaced; name another one"
    if path.exists() and not path.stat().st_mode & ANYBODY_WRITES:
        return f"{path} is write-protected; name another file"
    if not path.parent.is_dir():
        return f"there is no folder {path.parent}; make it or name another one"
    partial = _partial(path)
    partial.touch()  # only trying tells: rights, read-only mounts, long names, folders like /proc
    partial.unlink()
    return ""


def _partial(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.part")


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """What the system refuses in the block is told as `CannotWrite`."""
    try:
        yield
    except BrokenPipeError:
        raise  # nobody reads it any more, which is no fault
    except OSError as error:
        raise CannotWrite(path, error) from error
