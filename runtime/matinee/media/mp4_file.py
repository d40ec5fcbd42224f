"""A video file that appears only when it is whole.

A `VideoStream`'s `init` followed by its fragments is a complete, playable MP4 file as it stands.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def new_mp4_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write the init and the fragments to. It takes `path`, replacing what was there,
    when the block ends; when the block raises, nothing is left of it."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with partial.open("wb") as file:
            yield file
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
