"""The folders that a server keeps things in. Whether it can write there is known at the start."""

from __future__ import annotations

import tempfile
from pathlib import Path

from matinee.errors import BadInput

STATES = "streaming.state.directory"
FOR_STATES = "name another folder, for `matinee up` with --state-dir"


def check_writable(folder: Path, key: str = STATES, remedy: str = FOR_STATES) -> None:
    """Make the folder if it is not there, and a file in it for a moment. `key` names it.

    Raises:
        BadInput: this process cannot write there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise BadInput(
            key,
            f"cannot write to {folder} ({error.strerror}); {remedy}",
            joint=": ",
        ) from error
