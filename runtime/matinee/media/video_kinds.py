"""What a file's name says of what goes into it: the same in every command and in Python."""

from __future__ import annotations

import enum
import os
import re
from pathlib import Path

from matinee.errors import BadInput

STANDARD_OUTPUT = Path("-")
PICTURES = "%05d.png"
"""Of the pictures in a folder: 00001.png is the first."""
_PICTURES = re.compile(r"%0[1-9]d\.png")


class Kind(enum.Enum):
    """`FOLDER` is no file yet: one in it gets a name."""

    MP4 = ".mp4"
    WEBM = ".webm"
    GIF = ".gif"
    PICTURES = "pictures"
    STANDARD_OUTPUT = "-"
    FOLDER = "folder"


def kind_of(param: str, path: Path) -> Kind:
    """Raises `BadInput` for a name that stands for nothing that is written. `param`: what the
    caller calls it."""
    if path == STANDARD_OUTPUT:
        return Kind.STANDARD_OUTPUT
    if _PICTURES.fullmatch(path.name):
        if not path.parent.name:
            problem = "pictures go into a folder of their own; name one, such as frames/"
            raise BadInput(param, problem, joint=": ")
        return Kind.PICTURES
    suffix = path.suffix.lower()
    if suffix in {kind.value for kind in (Kind.MP4, Kind.WEBM, Kind.GIF)}:
        return Kind(suffix)
    if not suffix or os.path.isdir(path):  # which no path fails
        return Kind.FOLDER
    raise BadInput(
        param,
        f"{path}: no {suffix} is written; name a file that ends in .mp4, .webm or .gif, "
        f"a folder of PNGs as {path.with_suffix('')}/, or - for standard output",
        joint=": ",
    )


def typed_path(word: str) -> Path:
    """What a person typed after `-o`: a folder with its slash takes pictures."""
    if word in ("/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"):
        return STANDARD_OUTPUT
    return Path(word) / PICTURES if word.endswith("/") else Path(word)
