"""Starting and ending a cluster, whatever happens in between."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from e2e import pods
from e2e.collecting import MISSING
from e2e.inner_run import collected, inner_run
from e2e.target import Target
from e2e.waiting import ask_until
from tools.cluster import cgroups, cluster, components, control_plane, node
from tools.cluster.__main__ import LOCK
from tools.cluster.places import CONTROL_PLANE, ROOT, STATE, log_file, nodes

COMMAND = [sys.executable, "-m", "tools.cluster"]


def run(*words: str) -> str:
    done = subprocess.run([*COMMAND, *words], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout


def traces() -> list[str]:
    """Everything of a cluster on this machine: what it knows of, and processes and sockets."""
    processes = [
        f"{process.pid} {' '.join(process.cmdline())}"
        for process in psutil.process_iter()
        if process.pid != os.getpid() and _is_the_cluster_s(process)
    ]
    sockets = map(str, Path("/run/containerd/s").glob("*"))
    lock = [str(LOCK)] if LOCK.exists() else []
    return [*cluster.left(), *processes, *sockets, *lock]


def _is_the_cluster_s(process: psutil.Process) -> bool:
    return any(str(STATE) in word for word in _words(process))


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []  # it is gone


@pytest.fixture(scope="module")
def machine(cluster: Target) -> Iterator[Target]:
    """A machine on which the tests start and end clusters as they like; the next tests find one as
    before, but with other keys."""
    if not cluster.ours:
        pytest.skip("only our own cluster may be ended")
    yield cluster
    run("up")
    cluster.connect()


def test_up_twice_changes_nothing(machine: Target) -> None:
    before = first_processes()
    said = run("up")
    assert "control plane ready" not in said
    assert first_processes() == before


def first_processes() -> dict[str, int]:
    """The first process of each component: what a containerd starts for its pods comes and goes."""
    groups = [
        components.group_of(owner, name)
        for owner in components.owners()
        for name in components.components_of(owner)
    ]
    return {group: min(cgroups.processes(group), key=born) for group in groups}


def born(pid: int) -> float:
    try:
        return psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        return math.inf


def test_down_removes_everything_and_may_be_repeated(machine: Target) -> None:
    pods.run(machine, "default", pods.asleep(machine, "somebody"))
    assert run("down") == "no cluster runs\n"
    assert traces() == []
    assert run("down") == "no cluster runs\n"


STEPS = [
    log_file("control-plane", "etcd"),
    log_file("control-plane", "kube-apiserver"),
    log_file("control-plane", "kube-scheduler"),
    log_file("control-plane", "image-store"),
    STATE / "nodes" / "node-1" / "copying",
    log_file("node-1", "kubelet"),
    log_file("node-2", "kube-proxy"),
]
"""Files in the order in which a start makes them."""


def start_until(made: Path) -> None:
    """Start a cluster and kill the starter as soon as the file is there."""
    starter = subprocess.Popen([*COMMAND, "up"], cwd=ROOT, stdout=subprocess.DEVNULL)
    with starter:
        # Some are there for a moment only, so it looks often.
        ask_until(lambda: made.exists() or starter.poll() is not None, bool, every_s=0.001)
        assert starter.poll() is None, f"it ended before it made {made}"
        starter.send_signal(signal.SIGKILL)


@pytest.mark.parametrize("made", STEPS, ids=lambda place: str(place.relative_to(STATE)))
def test_a_killed_start_can_be_undone_and_gone_on_with(machine: Target, made: Path) -> None:
    run("down")
    start_until(made)
    run("up")
    machine.connect()
    node.wait_ready(*nodes())
    assert cluster.dead() == []
    running = set(components.components_of(CONTROL_PLANE))
    assert running == control_plane.COMPONENTS.keys() - {"kwok"}
    run("down")
    start_until(made)
    assert traces() != []
    run("down")
    assert traces() == []


def test_frozen_components_do_not_keep_a_cluster_from_being_removed(machine: Target) -> None:
    run("up")
    run("component", "pause", "kube-apiserver")
    run("node", "stop-kubelet", "node-1")
    run("down")
    assert traces() == []
    run("up")


ENDS_THE_CLUSTER = """
import subprocess, sys

def test_fails(cluster):
    subprocess.run([sys.executable, "-m", "tools.cluster", "down"], check=True)
    assert 1 == 2

def test_goes_on():
    pass
"""


def test_a_failure_without_a_cluster_is_told_and_the_next_test_runs(
    machine: Target, tmp_path: Path
) -> None:
    run("up")
    said = inner_run(tmp_path, ENDS_THE_CLUSTER)
    assert "assert 1 == 2" in said
    assert "no cluster is left" in said
    assert "1 failed, 1 passed, 2 errors" in said  # of the test, and of the run
    assert "components: " in (collected(said)[0] / MISSING).read_text()


def test_another_cluster_is_used_when_kubeconfig_names_one(machine: Target, tmp_path: Path) -> None:
    """Ours, under another name: then nothing may be done to it but through its API server."""
    run("up")
    copy = tmp_path / "kubeconfig"
    copy.write_bytes(machine.kubeconfig.read_bytes())
    names = machine.environment() | {"KUBECONFIG": str(copy)}
    tests = ["e2e/test_runtime.py", "tools/cluster/tests/live/test_faults.py"]
    command = [sys.executable, "-m", "pytest", *tests, "-q", "-p", "no:cacheprovider"]
    refused = subprocess.run(command, cwd=ROOT, env=names, capture_output=True, text=True)
    assert "MATINEE_IMAGE_REGISTRY must name the registry" in refused.stdout
    assert refused.returncode != 0
    names |= {"MATINEE_IMAGE_REGISTRY": "docker.io"}
    done = subprocess.run(command, cwd=ROOT, env=names, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout
    assert "skipped" in done.stdout
