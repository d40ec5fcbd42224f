"""A stream's pieces become what the output's name asks for, when the last piece has come.

They are recorded beside it as they come, `.NAME.PID.fragments`, which players can play at any time;
it is gone at the end, whatever the end is, unless the process is killed for good (SIGKILL). On
standard output they go out as they are.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from matinee.errors import BadInput, MatineeError
from matinee.media.fragmented import NotFragmented
from matinee.media.plain_mp4 import plain_pieces
from matinee.media.video_file import (
    CannotWrite,
    NewFile,
    check_new_file,
    check_new_folder,
    new_file,
    new_folder,
    writing,
)
from matinee.media.video_kinds import STANDARD_OUTPUT, Kind, kind_of


class Unreadable(MatineeError):
    """What was recorded is no video that FFmpeg can read."""


class Pieces(Protocol):
    """Takes the init segment and fragments. Raises `CannotWrite`."""

    def write(self, piece: bytes) -> None: ...


class _StandardOutput:
    def write(self, piece: bytes) -> None:
        with writing(STANDARD_OUTPUT):
            sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()


def check_output(param: str, path: Path) -> None:
    """Raise `BadInput` unless a video can be written there. `param`: what the caller calls it."""
    match kind_of(param, path):
        case Kind.STANDARD_OUTPUT:
            if sys.stdout.isatty():
                problem = "standard output is a terminal; pipe it into a program or a file"
                raise BadInput(param, problem, joint=": ")
        case Kind.PICTURES:
            check_new_folder(param, path.parent)
        case _:
            check_new_file(param, path)


@contextmanager
def new_output(path: Path) -> Iterator[Pieces]:
    """What is written becomes the video at `path` when the block ends; when it raises, nothing."""
    kind = kind_of("output_path", path)
    if kind is Kind.STANDARD_OUTPUT:
        yield _StandardOutput()
        return
    with _recording(path.parent if kind is Kind.PICTURES else path) as (pieces, recorded):
        yield pieces
        if kind in (Kind.WEBM, Kind.GIF, Kind.PICTURES):
            _convert(recorded, kind, path)
        else:
            _make_plain(recorded, pieces.partial, path)


@contextmanager
def _recording(path: Path) -> Iterator[tuple[NewFile, io.FileIO]]:
    place = path.with_name(f".{path.name}.{os.getpid()}.fragments")
    try:
        with writing(path):
            file = place.open("w+b", buffering=0)
        with file:
            yield NewFile(path, file), file
    finally:
        place.unlink(missing_ok=True)


def _make_plain(recorded: io.FileIO, place: Path, path: Path) -> None:
    """What is no fragmented MP4, or has no room beside itself, is kept as it came: who recorded it
    may yet use it."""
    try:
        with new_file(path) as plain:
            for piece in plain_pieces(recorded):
                plain.write(piece)
    except (NotFragmented, CannotWrite):
        with writing(path):
            place.replace(path)


def _convert(recorded: io.FileIO, kind: Kind, path: Path) -> None:
    from matinee.media.conversion import convert  # FFmpeg, which other kinds do without

    with _readable(path):
        if kind is Kind.PICTURES:
            with new_folder(path.parent) as folder:
                convert(recorded, kind, folder)
        else:
            with new_file(path) as made:
                convert(recorded, kind, made.partial)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    from av.error import FFmpegError

    try:
        with writing(path):
            yield
    except FFmpegError as error:
        raise Unreadable(f"{path}: what was recorded is no video: {error.strerror}") from error
