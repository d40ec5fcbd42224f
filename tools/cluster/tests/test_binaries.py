from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tools.cluster import binaries
from tools.cluster.binaries import ALL, CLUSTER, KUBERNETES, Binary
from tools.cluster.places import HERE, ROOT
from tools.cluster.shell import ClusterError

ASK = (
    "import runpy, sys; sys.path.insert(0, sys.argv[1]);"
    "runpy.run_module('tools.cluster.binaries', run_name='__main__')"
)
"""As `python3 -m`, with nothing but the standard library."""


@pytest.mark.parametrize("binary", ALL, ids=lambda binary: binary.module)
def test_every_program_is_pinned(binary: Binary) -> None:
    names = {file.name for file in binary.source.iterdir()}
    assert "go.mod" in names
    assert "go.sum" in names or binary is binaries.PAUSE


def test_the_version_that_kubernetes_tells_is_the_one_that_is_built() -> None:
    text = (HERE / "binaries" / "kubernetes" / "go.mod").read_text()
    assert f"k8s.io/kubernetes {KUBERNETES}" in text
    staging = KUBERNETES.replace("v1.", "v0.")
    replaced = [line for line in text.splitlines() if " => " in line]
    assert len(replaced) >= 30
    assert all(line.endswith(f" {staging}") for line in replaced)


def test_the_version_that_helm_tells_is_the_one_that_is_built() -> None:
    text = (HERE / "binaries" / "helm" / "go.mod").read_text()
    assert f"\nrequire helm.sh/helm/v3 {binaries.HELM}\n" in text


def test_what_only_some_tests_want_is_not_built_for_every_cluster() -> None:
    assert {binary.module for binary in set(ALL) - set(CLUSTER)} == {"kwok", "versitygw"}


def test_a_changed_module_is_another_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "HERE", tmp_path)
    binary = Binary("tool", ".", ("tool",))
    binary.source.mkdir(parents=True)
    (binary.source / "main.go").write_text("package main\n")
    before = binary.file
    (binary.source / "main.go").write_text("package main // changed\n")
    assert binary.file != before
    assert Binary("tool", ".", ("tool",), "-s").file != binary.file


def test_without_go_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "CACHE", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ClusterError, match="Go is not installed"):
        binaries.build(lambda _: None)


def test_a_python_without_packages_tells_what_is_missing(tmp_path: Path) -> None:
    """CI asks before it spends half an hour on everything else."""
    asked = subprocess.run(
        [sys.executable, "-I", "-S", "-c", ASK, str(ROOT)],
        env={"PATH": str(tmp_path), "MATINEE_CACHE": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert asked.returncode == 1
    assert asked.stderr.startswith("Go is not installed: Kubernetes is built with it; install ")


@pytest.mark.parametrize(
    ("version", "toolchain", "refused"),
    [("go1.19.8", "auto", True), ("go1.25.0", "local", True), ("go1.25.0", "auto", False)],
)
def test_an_old_go_that_cannot_fetch_a_newer_one_is_named(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    version: str,
    toolchain: str,
    refused: bool,
) -> None:
    (tmp_path / "go").write_text(f"#!/bin/sh\necho {version}; echo {toolchain}\n")
    (tmp_path / "go").chmod(0o755)
    monkeypatch.setattr(binaries, "CACHE", tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert bool(binaries.why_not()) is refused


def test_the_go_that_is_asked_for_is_the_newest_of_all_modules() -> None:
    assert max(map(binaries.go_version_of, ALL)) >= (1, 26)


def test_no_module_names_where_it_is_fetched_from() -> None:
    listed = subprocess.run(
        ["grep", "-rlE", "GOPROXY|https?://", "--include=go.*", HERE / "binaries"],
        capture_output=True,
        text=True,
    )
    assert listed.stdout == ""
