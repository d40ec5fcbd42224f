"""The folder of a server that was given none: it goes with the server."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from matinee.jobs.workshop import is_left_behind

PREFIX = "matinee-jobs-"


def temporary_folder() -> Path:
    """A new one. Those of servers that were killed, which could not do it, are removed. Raises
    OSError."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        if _is_ours_and_left_behind(folder):
            shutil.rmtree(folder, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=PREFIX))


def _is_ours_and_left_behind(folder: Path) -> bool:
    """The folder above is everybody's: another user's, or a link, is left alone."""
    try:
        return folder.lstat().st_uid == os.geteuid() and is_left_behind(folder)
    except OSError:
        return False
