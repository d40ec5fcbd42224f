"""On the machine's own cgroup2 tree, where root may write one: both kinds of machine have it."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.cluster import cgroups

NAME = f"matinee-test-{os.getpid()}"
ENTER = 'echo $$ > "$0"; exec "$@"'


def writable_roots() -> list[Path]:
    """A v2 tree and, on a v1 machine, the freezer's too."""
    candidates = {cgroups.TRACKING, cgroups.MOUNT / "unified"}
    return sorted(root for root in candidates if root.is_dir() and os.access(root, os.W_OK))


@pytest.fixture(params=writable_roots(), ids=str)
def root(request: pytest.FixtureRequest) -> Iterator[Path]:
    yield request.param
    for folder in (request.param / NAME / "inner", request.param / NAME):
        if folder.exists():
            folder.rmdir()


def started(root: Path, group: str) -> subprocess.Popen[bytes]:
    """A process in the group with a child of its own."""
    folder = cgroups.make_tracking(group, root)
    script = "sleep 600 & echo started; wait"
    process = subprocess.Popen(
        ["sh", "-c", ENTER, folder / "cgroup.procs", "sh", "-c", script], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"started\n"
    return process


def is_pending(pid: int, sign: signal.Signals) -> bool:
    """Whether the process has not taken the signal so far (proc_pid_status(5))."""
    status = Path(f"/proc/{pid}/status").read_text()
    waiting = next(line for line in status.splitlines() if line.startswith("ShdPnd:"))
    return bool(int(waiting.split()[1], 16) >> (sign - 1) & 1)


def test_a_group_knows_its_processes_and_kills_them_all(root: Path) -> None:
    outer, inner = started(root, NAME), started(root, f"{NAME}/inner")
    found = cgroups.processes(NAME, root)
    assert len(found) == 4
    assert {outer.pid, inner.pid} <= set(found)
    cgroups.kill(NAME, root)
    assert cgroups.processes(NAME, root) == []
    for process in (outer, inner):
        with process:
            assert process.wait() == -9


def test_a_frozen_group_stops_and_goes_on(root: Path) -> None:
    process = started(root, NAME)
    cgroups.freeze(NAME, root=root)
    process.terminate()
    assert is_pending(process.pid, signal.SIGTERM)
    assert cgroups.is_frozen(NAME, root)
    cgroups.freeze(NAME, False, root)
    assert not cgroups.is_frozen(NAME, root)
    with process:
        assert process.wait() == -15
    cgroups.kill(NAME, root)


@pytest.mark.parametrize("frozen", [NAME, f"{NAME}/inner"])
def test_killing_works_when_a_group_is_frozen(root: Path, frozen: str) -> None:
    process = started(root, f"{NAME}/inner")
    cgroups.freeze(frozen, root=root)
    cgroups.kill(NAME, root)
    with process:
        assert process.wait() == -9


def test_a_kubelet_s_group_takes_processes(root: Path) -> None:
    cgroups.make_for_kubelet(f"{NAME}/inner", [root])
    process = started(root, f"{NAME}/inner")
    assert process.pid in cgroups.processes(NAME, root)
    cgroups.kill(NAME, root)
    with process:
        assert process.wait() == -9


def test_a_kubelet_s_group_gets_each_controller_that_may_be_handed_on(
    root: Path, tmp_path: Path
) -> None:
    """A hierarchy of v1 has no such file, and v2 on a machine with v1 no controllers."""
    cgroups.make_for_kubelet(f"{NAME}/inner", [root])
    has = root / "cgroup.controllers"
    handed_on = root / NAME / "cgroup.subtree_control"
    if has.exists() and "memory" in has.read_text().split():
        assert "memory" in handed_on.read_text().split()
    # A tree of plain files, as a v2 machine has it, tells what would be asked of the kernel.
    (tmp_path / "cgroup.controllers").write_text("memory\n")
    cgroups.make_for_kubelet("kubelet-s", [tmp_path])
    assert (tmp_path / "cgroup.subtree_control").read_text() == "+memory"
    assert (tmp_path / "kubelet-s").is_dir()


def test_a_new_cpuset_of_v1_gets_its_parent_s_cores(tmp_path: Path) -> None:
    """In a tree of plain files, which unlike the kernel's do not appear by themselves."""
    made = tmp_path / "outer"
    made.mkdir()
    for name, value in (("cpuset.cpus", "0-1"), ("cpuset.mems", "0")):
        (tmp_path / name).write_text(f"{value}\n")
        (made / name).write_text("\n")
    cgroups.make_for_kubelet("outer", [tmp_path])
    assert (made / "cpuset.cpus").read_text() == "0-1\n"
    assert (made / "cpuset.mems").read_text() == "0\n"


def test_a_group_is_removed_wherever_it_is(root: Path) -> None:
    cgroups.make_tracking(f"{NAME}/inner", root)
    assert cgroups.left(NAME) == [str(root / NAME)]
    cgroups.remove(NAME)
    assert cgroups.left(NAME) == []


def test_a_group_that_is_not_there_has_no_processes(tmp_path: Path) -> None:
    assert cgroups.processes("nothing", tmp_path) == []
    cgroups.freeze("nothing", root=tmp_path)
    cgroups.kill("nothing", tmp_path)
    assert not cgroups.is_frozen("nothing", tmp_path)
