"""Where a video goes: an MP4 file, or a folder in which it gets a name. No torch."""

from __future__ import annotations

import re
from pathlib import Path

from matinee.errors import BadInput
from matinee.generation import SegmentRequest
from matinee.media.video_file import check_new_file

OTHER_VIDEOS = frozenset(
    {".avi", ".gif", ".m4v", ".mkv", ".mov", ".mpeg", ".mpg", ".ogv", ".ts", ".webm", ".wmv"}
)
"""Suffixes of files that people expect something else in than MP4."""


def file_path(output_path: Path, request: SegmentRequest) -> Path:
    """`output_path` itself when it ends in .mp4, else a file in that folder."""
    if _is_file(output_path):
        return output_path
    words = re.sub(r"\W+", "-", request.prompt).strip("-")[:60] or "video"
    return output_path / f"{words}-{request.seed}.mp4"


def check_output_file(param: str, path: Path) -> None:
    """Raise `BadInput` unless a video can be written there. `param`: what the caller calls it."""
    if path.suffix.lower() in OTHER_VIDEOS:
        better = path.with_suffix(".mp4")
        raise BadInput(
            param,
            f"{path} would be an MP4 file all the same; name it {better}",
            joint=": ",
        )
    check_new_file(param, path)


def check_output_path(param: str, output_path: Path) -> None:
    """The same for a file or a folder, which may have to be made."""
    if _is_file(output_path):
        check_output_file(param, output_path)
    elif output_path.is_dir():
        check_new_file(param, output_path / "video.mp4")
    elif output_path.exists():
        problem = f"{output_path} is a file, not a folder; a video's name ends in .mp4"
        raise BadInput(param, problem, joint=": ")
    else:
        check_output_file(param, output_path)


def _is_file(output_path: Path) -> bool:
    return output_path.suffix.lower() == ".mp4"
