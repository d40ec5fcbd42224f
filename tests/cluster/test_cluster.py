from __future__ import annotations

import os
from pathlib import Path

import pytest

from e2e import target
from e2e.cluster import __main__ as command
from e2e.cluster import binaries, cluster
from e2e.cluster.shell import ClusterError


@pytest.fixture
def nothing_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine where no cluster was ever started."""
    monkeypatch.setattr(cluster, "STATE", tmp_path / "none")
    monkeypatch.setattr(command, "STATE", tmp_path / "none")


def test_without_root_it_says_so_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert cluster.why_not() == (
        "The test cluster needs root; set KUBECONFIG to use another cluster."
    )


def test_packages_that_are_missing_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("PATH", str(tmp_path))
    said = cluster.why_not()
    assert said is not None
    assert said.startswith("The test cluster needs these Debian packages: buildah, conntrack, ")


def test_without_go_and_without_what_it_built_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(cluster, "missing_packages", lambda _: [])
    monkeypatch.setattr(binaries, "CACHE", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    said = cluster.why_not()
    assert said is not None
    assert said.startswith("Go is not installed: Kubernetes is built with it; install 1.26")
    assert said.endswith(", or set KUBECONFIG to use another cluster.")


def test_commands_on_a_cluster_that_does_not_run_say_how_to_start_one(
    nothing_runs: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["env"]) == 1
    assert "start one with `make cluster`" in capsys.readouterr().err
    assert command.main(["status"]) == 0
    assert "`make cluster` starts one" in capsys.readouterr().out


def test_a_cluster_named_by_kubeconfig_needs_a_registry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    monkeypatch.delenv("MATINEE_IMAGE_REGISTRY", raising=False)
    with pytest.raises(ClusterError, match="MATINEE_IMAGE_REGISTRY must name the registry"):
        target.find()
    monkeypatch.setenv("MATINEE_IMAGE_REGISTRY", "registry.example")
    found = target.find()
    assert not found.ours
    assert found.image("runtime") == "registry.example/matinee/runtime:dev"
