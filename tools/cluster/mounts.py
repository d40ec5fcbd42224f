"""Mounts that pods and containerd leave below a folder."""

from __future__ import annotations

import re
from pathlib import Path

from tools.cluster.shell import succeeds

TABLE = Path("/proc/self/mountinfo")


def below(folder: Path, table: str | None = None) -> list[Path]:
    """Mount points in and below the folder, the deepest first.

    `table`: the text of a mountinfo file (proc_pid_mountinfo(5)); this process's own by default.
    """
    lines = (TABLE.read_text() if table is None else table).splitlines()
    places = [Path(_unescaped(line.split(" ")[4])) for line in lines]
    return [place for place in reversed(places) if place.is_relative_to(folder)]


def unmount_below(folder: Path) -> None:
    """Detach all of them; the last user of one that is still open frees it."""
    for place in below(folder):
        succeeds("umount", "--lazy", "--no-mtab", place)


def _unescaped(text: str) -> str:
    """Spaces, tabs, newlines and backslashes are octal there."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), text)
