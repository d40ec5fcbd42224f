"""The folder of states and session logs. Whether it can be written is known at the start."""

from __future__ import annotations

import tempfile
from pathlib import Path

from matinee.errors import BadInput


def check_writable(folder: Path) -> None:
    """Make the folder if it is not there, and a file in it for a moment.

    Raises:
        BadInput: this process cannot write there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise BadInput(
            "streaming.state.directory",
            f"cannot write to {folder} ({error.strerror}); "
            "name another folder, for `matinee up` with --state-dir",
            joint=": ",
        ) from error
