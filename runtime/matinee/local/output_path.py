"""Where a video goes: a file, or a folder in which it gets a name. No torch."""

from __future__ import annotations

import os
import re
from pathlib import Path

from matinee.errors import BadInput
from matinee.generation import SegmentRequest
from matinee.media.video_file import check_new_file
from matinee.media.video_kinds import Kind, kind_of
from matinee.media.video_output import check_output

MOST_WORDS_BYTES = 200
"""Of a prompt in a file's name, which has 255 at most."""


def file_path(output_path: Path, request: SegmentRequest) -> Path:
    """`output_path` itself when its name says what it is, else a file in that folder."""
    if kind_of("output_path", output_path) is not Kind.FOLDER:
        return output_path
    words = re.sub(r"\W+", "-", request.prompt).strip("-")
    short = words[:60].encode()[:MOST_WORDS_BYTES].decode(errors="ignore") or "video"
    return output_path / f"{short}-{request.seed}.mp4"


def check_output_path(param: str, output_path: Path) -> None:
    """Raise `BadInput` unless a video can be written there, or into that folder, which may have to
    be made. `param`: what the caller calls it."""
    if kind_of(param, output_path) is not Kind.FOLDER:
        check_output(param, output_path)
    elif os.path.isdir(output_path):  # no path fails it, however long
        check_new_file(param, output_path / "video.mp4")
    elif os.path.exists(output_path):
        problem = f"{output_path} is a file, not a folder; a video's name ends in .mp4"
        raise BadInput(param, problem, joint=": ")
    else:
        check_new_file(param, output_path)


def check_output_file(param: str, path: Path) -> None:
    """The same where no name can be made up."""
    if kind_of(param, path) is Kind.FOLDER and (os.path.isfile(path) or not os.path.exists(path)):
        problem = f"{path} does not say what it is to be; name it {path}.mp4, or {path}/ for PNGs"
        raise BadInput(param, problem, joint=": ")
    check_output(param, path)
