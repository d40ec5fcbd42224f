"""Whether a file is still the one that was read."""

from __future__ import annotations

from pathlib import Path

Stamp = tuple[int, int, int] | None
"""None: there is no such file."""


def stamp_of(file: Path) -> Stamp:
    """Changes whenever the file does, also when a Secret's link is turned to a new one."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
