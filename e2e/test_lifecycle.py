"""Starting and ending a cluster, whatever happens in between. The cluster of the run is ended here
and started again by the next test that needs it (conftest.py)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from e2e import pods
from e2e.cluster import cluster, node
from e2e.cluster.places import ROOT, STATE, log_file, nodes
from e2e.target import Target

COMMAND = [sys.executable, "-m", "e2e.cluster"]


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
    shims = Path("/run/containerd/s")
    sockets = [str(place) for place in shims.iterdir()] if shims.is_dir() else []
    return [*cluster.left(), *processes, *sockets]


def _is_the_cluster_s(process: psutil.Process) -> bool:
    try:
        return any(str(STATE) in word for word in process.cmdline())
    except psutil.Error:
        return False


@pytest.fixture
def started_again(own_cluster: Target) -> Iterator[None]:
    """The next tests find a cluster as before, with other keys."""
    yield
    run("up")
    own_cluster.connect()


def test_down_removes_everything_twice_and_up_starts_anew(
    own_cluster: Target, started_again: None
) -> None:
    pods.run(own_cluster, "default", pods.asleep(own_cluster, "somebody"))
    assert run("down") == "no cluster runs\n"
    assert traces() == []
    assert run("down") == "no cluster runs\n"


def test_up_twice_changes_nothing(own_cluster: Target) -> None:
    before = {process.pid for process in psutil.process_iter() if _is_the_cluster_s(process)}
    said = run("up")
    assert "control plane ready" not in said
    assert {p.pid for p in psutil.process_iter() if _is_the_cluster_s(p)} == before


@pytest.mark.parametrize(
    "begun",
    [
        log_file("control-plane", "etcd"),
        log_file("control-plane", "kube-apiserver"),
        log_file("control-plane", "image-store"),
        STATE / "nodes" / "node-1" / "containerd",
        log_file("node-1", "kubelet"),
        log_file("node-2", "kube-proxy"),
    ],
    ids=lambda place: str(place.relative_to(STATE)),
)
def test_what_a_killed_start_left_behind_is_removed(
    own_cluster: Target, started_again: None, begun: Path
) -> None:
    run("down")
    starter = subprocess.Popen([*COMMAND, "up"], cwd=ROOT, stdout=subprocess.DEVNULL)
    with starter:
        while not begun.exists():
            assert starter.poll() is None, f"it ended before it made {begun}"
        starter.send_signal(signal.SIGKILL)
    assert traces() != []
    run("down")
    assert traces() == []


def test_a_start_after_a_killed_one_works(own_cluster: Target, started_again: None) -> None:
    run("down")
    starter = subprocess.Popen([*COMMAND, "up"], cwd=ROOT, stdout=subprocess.DEVNULL)
    with starter:
        while not log_file("control-plane", "kube-apiserver").exists():
            assert starter.poll() is None
        starter.send_signal(signal.SIGKILL)
    run("up")
    node.wait_ready(*nodes())
    assert cluster.dead() == []


def test_another_cluster_is_used_when_kubeconfig_names_one(
    own_cluster: Target, tmp_path: Path
) -> None:
    """Ours, under another name: then nothing may be done to it but through its API server."""
    copy = tmp_path / "kubeconfig"
    copy.write_bytes(own_cluster.kubeconfig.read_bytes())
    names = own_cluster.environment() | {"KUBECONFIG": str(copy)}
    tests = ["e2e/test_runtime.py", "e2e/test_faults.py", "-q", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", *tests]
    refused = subprocess.run(command, cwd=ROOT, env=names, capture_output=True, text=True)
    assert "MATINEE_IMAGE_REGISTRY must name the registry" in refused.stdout
    assert refused.returncode != 0
    names |= {"MATINEE_IMAGE_REGISTRY": "docker.io"}
    done = subprocess.run(command, cwd=ROOT, env=names, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout
    assert "skipped" in done.stdout
