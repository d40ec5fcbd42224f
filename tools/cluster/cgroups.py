"""Groups of processes: what runs in a group is found, frozen and killed by the group's name.

A component's group says which processes are its own, so there are no files with process ids that
could name a stranger. On cgroup v1 the freezer hierarchy does this; the other hierarchies only get
the folders that a kubelet wants to find below its `cgroupRoot`. cgroup v2 has one hierarchy.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

MOUNT = Path("/sys/fs/cgroup")
V2 = (MOUNT / "cgroup.controllers").exists()
TRACKING = MOUNT if V2 else MOUNT / "freezer"
EMPTY_TIMEOUT_S = 20.0


def hierarchies() -> list[Path]:
    """The mounted ones; several on cgroup v1."""
    if V2:
        return [MOUNT]
    return [
        entry for entry in sorted(MOUNT.iterdir()) if entry.name != "unified" and entry.is_dir()
    ]


def _trees() -> list[Path]:
    """All in which the group may be: on a machine with cgroup v1, runc uses the one of v2 too."""
    unified = MOUNT / "unified"
    return [*hierarchies(), *([unified] if unified.is_dir() else [])]


def make_tracking(group: str, root: Path = TRACKING) -> Path:
    """Make a component's group; its `cgroup.procs` takes process ids."""
    folder = root / group
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def make_for_kubelet(group: str, roots: Sequence[Path] | None = None) -> None:
    """Make a group that a kubelet can take as its `cgroupRoot`, in every hierarchy by default."""
    for hierarchy in hierarchies() if roots is None else roots:
        folder = hierarchy
        for part in Path(group).parts:
            _delegate(folder)
            folder = folder / part
            folder.mkdir(exist_ok=True)
            _inherit_cpuset(folder)


def _delegate(folder: Path) -> None:
    """On v2 the groups below one have the controllers that it hands on."""
    has = folder / "cgroup.controllers"
    for controller in has.read_text().split() if has.exists() else ():
        # One controller may be refused (cpuset below threads, misc): the others are still wanted.
        with contextlib.suppress(OSError):
            (folder / "cgroup.subtree_control").write_text(f"+{controller}")


def _inherit_cpuset(folder: Path) -> None:
    """On v1 a new cpuset is empty and takes no process before it is told its cores."""
    for name in ("cpuset.cpus", "cpuset.mems"):
        file = folder / name
        is_v2 = (folder / "cgroup.controllers").exists()
        if not is_v2 and file.exists() and not file.read_text().strip():
            file.write_text((folder.parent / name).read_text())


def processes(group: str, root: Path = TRACKING) -> list[int]:
    """Ids of all processes in the group and the groups below it."""
    pids: list[int] = []
    for folder in _tree(root / group):
        with contextlib.suppress(OSError):  # removed in between
            pids += map(int, (folder / "cgroup.procs").read_text().split())
    return pids


def freeze(group: str, frozen: bool = True, root: Path = TRACKING) -> None:
    """Stop all processes of the group at once, or let them go on."""
    folder = root / group
    if (folder / "freezer.state").exists():
        _write_if_there(folder / "freezer.state", "FROZEN" if frozen else "THAWED")
    else:
        _write_if_there(folder / "cgroup.freeze", str(int(frozen)))


def is_frozen(group: str, root: Path = TRACKING) -> bool:
    """Whether `freeze` stopped it, or began to."""
    folder = root / group
    for name, awake in (("freezer.state", "THAWED"), ("cgroup.freeze", "0")):
        with contextlib.suppress(FileNotFoundError):
            return (folder / name).read_text().strip() != awake
    return False


def kill(group: str, root: Path = TRACKING) -> None:
    """End all processes of the group at the same instant, and wait until they are gone.

    They are frozen first, so that none sees another one's end.

    Raises:
        TimeoutError: some are still there after 20 s.
    """
    freeze(group, root=root)
    for pid in processes(group, root):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    for folder in _tree(root / group):  # a group below may have been frozen on its own
        freeze(str(folder.relative_to(root)), False, root=root)
    deadline = time.monotonic() + EMPTY_TIMEOUT_S
    while left := processes(group, root):
        if time.monotonic() > deadline:
            raise TimeoutError(f"these processes of {group} do not end: {left}")
        for pid in left:  # it may have been forked while the group froze
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)


def remove(group: str) -> None:
    """Remove the group's folders from every hierarchy; it must be empty."""
    for tree in _trees():
        for folder in reversed(_tree(tree / group)):
            with contextlib.suppress(FileNotFoundError):
                folder.rmdir()


def left(group: str) -> list[str]:
    """The group's folders that exist."""
    return [str(tree / group) for tree in _trees() if (tree / group).exists()]


def _tree(folder: Path) -> list[Path]:
    """The folder and all below it, parents first."""
    return [Path(place) for place, _, _ in os.walk(folder)]


def _write_if_there(file: Path, text: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        file.write_text(text)
