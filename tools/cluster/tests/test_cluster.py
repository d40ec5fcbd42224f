from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path

import pytest

from e2e import target
from tools.cluster import __main__ as command
from tools.cluster import binaries, cluster
from tools.cluster.shell import ClusterError

NEEDS_ROOT = "The test cluster needs root; set KUBECONFIG to use another cluster."


@pytest.fixture
def lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place for the lock that no command of this machine waits for."""
    monkeypatch.setattr(command, "LOCK", tmp_path / "lock")
    return tmp_path / "lock"


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)


@pytest.fixture
def somebody(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user who is not root."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)


def let_state_be(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (cluster, command):
        monkeypatch.setattr(module, "STATE", folder)


@pytest.fixture
def nothing_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine where no cluster was ever started."""
    let_state_be(tmp_path / "none", monkeypatch)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with nothing on it but what a test puts there; and nothing was built."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(binaries, "CACHE", tmp_path)
    return folder


def program(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def test_without_root_it_says_so_in_one_sentence(somebody: None) -> None:
    assert cluster.why_not() == NEEDS_ROOT


def test_without_go_and_without_what_it_built_it_says_so(root: None, programs: Path) -> None:
    said = cluster.why_not()
    assert said is not None
    assert said.startswith("Go is not installed: Kubernetes is built with it; install 1.26")
    assert said.endswith(", or set KUBECONFIG to use another cluster.")


def test_packages_that_are_missing_are_named(root: None, programs: Path) -> None:
    setpriv = shutil.which("setpriv", path="/usr/bin:/bin")
    assert setpriv is not None
    (programs / "setpriv").symlink_to(setpriv)  # what Go is started with
    program(programs, "go", "echo go1.99; echo auto")
    said = cluster.why_not()
    assert said is not None
    assert said.startswith("The test cluster needs these Debian packages: buildah, conntrack, ")


VERBS = (
    "node add node-3",
    "node kill node-2",
    "node cut node-2",
    "node slow node-2 100",
    "node gpus node-2 1",
    "node evict default pod",
    "component pause etcd",
    "component restart etcd",
    "simulate 3",
)


@pytest.mark.parametrize("words", ["env", *VERBS])
def test_commands_on_a_cluster_that_does_not_run_say_how_to_start_one(
    root: None, nothing_runs: None, lock: Path, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(words.split()) == 1
    assert capsys.readouterr().err == ("cluster: no cluster runs: start one with `make cluster`\n")
    assert not lock.exists()


def test_a_command_waits_for_the_one_before_and_the_last_one_takes_the_lock_away(
    nothing_runs: None, lock: Path
) -> None:
    there: list[bool] = []

    def next_one() -> None:
        with command.alone():
            there.append(lock.exists())

    waiting = threading.Thread(target=next_one)
    with command.alone():
        waiting.start()
        assert there == []
    waiting.join()
    assert there == [True]
    assert not lock.exists()


def test_the_status_of_a_cluster_that_does_not_run_says_how_to_start_one(
    nothing_runs: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["status"]) == 0
    assert capsys.readouterr().out == "no cluster runs; `make cluster` starts one\n"


@pytest.mark.parametrize("words", ["up", "prepare", "down", *VERBS])
def test_only_root_changes_a_cluster_and_nobody_else_makes_the_lock(
    somebody: None, lock: Path, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(words.split()) == 1
    assert capsys.readouterr().err == f"cluster: {NEEDS_ROOT}\n"
    assert not lock.exists()


@pytest.mark.parametrize("words", ["status", "env"])
def test_only_root_looks_into_a_cluster_that_runs(
    somebody: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    let_state_be(tmp_path, monkeypatch)
    assert command.main([words]) == 1
    assert capsys.readouterr() == ("", f"cluster: {NEEDS_ROOT}\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("node slow node-1 -5", "-5 is no whole number from 0"),
        ("node gpus node-1 -3", "-3 is no whole number from 0"),
        ("node gpus node-1 many", "many is no whole number from 0"),
        ("simulate -1", "-1 is no whole number from 0"),
        ("up --nodes 0", "0 is no whole number from 1 to 100"),
        ("up --nodes 101", "101 is no whole number from 1 to 100"),
    ],
)
def test_a_number_that_makes_no_sense_is_named(
    words: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        command.main(words.split())
    assert capsys.readouterr().err.endswith(f": {said}\n")


ANSWERS = 'test "$1 $2" = "get --raw=/readyz" && echo ok'


@pytest.fixture
def elsewhere(programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """KUBECONFIG names a cluster that answers, and our images have a registry."""
    for name, script in (("kubectl", ANSWERS), ("helm", "")):
        program(programs, name, script)
    config = tmp_path / "config"
    config.touch()
    monkeypatch.setenv("KUBECONFIG", str(config))
    monkeypatch.setenv("MATINEE_IMAGE_REGISTRY", "registry.example")
    return config


def test_the_cluster_that_kubeconfig_names_is_used(elsewhere: Path) -> None:
    found = target.find()
    assert found.kubeconfig == elsewhere
    assert not found.ours
    assert found.image("runtime") == "registry.example/matinee/runtime:dev"


def test_a_kubeconfig_that_is_not_there_is_named(elsewhere: Path) -> None:
    elsewhere.unlink()
    with pytest.raises(ClusterError, match=r"KUBECONFIG names .*/config, which is not there"):
        target.find()


def test_a_cluster_named_by_kubeconfig_needs_a_registry(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MATINEE_IMAGE_REGISTRY")
    with pytest.raises(ClusterError, match="MATINEE_IMAGE_REGISTRY must name the registry"):
        target.find()


@pytest.mark.parametrize("name", ["kubectl", "helm"])
def test_a_program_that_is_missing_is_named(elsewhere: Path, programs: Path, name: str) -> None:
    (programs / name).unlink()
    with pytest.raises(ClusterError, match=f"KUBECONFIG names a cluster, which needs {name} on"):
        target.find()


def test_a_cluster_that_does_not_answer_is_named_with_the_reason(
    elsewhere: Path, programs: Path
) -> None:
    program(programs, "kubectl", "echo connection refused >&2; exit 1")
    with pytest.raises(
        ClusterError, match=r"KUBECONFIG .*/config.* not answer: connection refused"
    ):
        target.find()
