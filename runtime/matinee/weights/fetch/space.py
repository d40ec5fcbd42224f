"""Whether what is missing fits on the volume."""

from __future__ import annotations

import os
from pathlib import Path

from matinee.weights.fetch.errors import FetchFailed


def check_space(missing_bytes: int, free_bytes: int, folder: Path) -> None:
    """Raises `FetchFailed` with `NoSpace` and both numbers."""
    if missing_bytes > free_bytes:
        raise FetchFailed(
            "NoSpace",
            f"{human_bytes(missing_bytes)} are still to be fetched, and the volume of {folder} has "
            f"{human_bytes(free_bytes)} free; make the volume larger or free some space",
        )


def free_bytes_at(folder: Path) -> int:
    """Bytes that an ordinary user may still write on the volume of an existing folder."""
    volume = os.statvfs(folder)
    return volume.f_bavail * volume.f_frsize


def human_bytes(count: int) -> str:
    """`17 B`, `1.5 KiB`, `28.4 GiB`."""
    if count < 1024:
        return f"{count} B"
    size = float(count)
    for unit in ("KiB", "MiB", "GiB"):
        size /= 1024
        if size < 1023.95:
            return f"{size:.1f} {unit}"
    return f"{size / 1024:.1f} TiB"
