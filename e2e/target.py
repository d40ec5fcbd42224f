"""The cluster under test: ours, or one that KUBECONFIG names."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import kubernetes.client
import kubernetes.config

from tools.cluster import cluster
from tools.cluster.places import BINARIES, kubeconfig
from tools.cluster.shell import ClusterError

EXTERNAL = "KUBECONFIG"
REGISTRY = "MATINEE_IMAGE_REGISTRY"
PROGRAMS = ("kubectl", "helm")
TIMEOUT = "--request-timeout=10s"
"""For questions to an API server that may not answer."""
REMEDY = "correct it, or unset it to use the one of `make cluster`"


@dataclass(frozen=True)
class Target:
    """`ours`: it can be told to lose a node. `registry`: where the images are pulled from."""

    kubeconfig: Path
    ours: bool
    registry: str = ""

    def image(self, name: str) -> str:
        """The full name of `runtime`, `operator` or `router`."""
        prefix = f"{self.registry}/" if self.registry else ""
        return f"{prefix}matinee/{name}:dev"

    def kubectl(self, *words: str, stdin: str | None = None) -> str:
        """What kubectl prints.

        Raises:
            subprocess.CalledProcessError: it failed; `stderr` says why.
        """
        return self.raw_kubectl(*words, stdin=stdin).decode()

    def raw_kubectl(self, *words: str, stdin: str | None = None) -> bytes:
        done = subprocess.run(
            ["kubectl", *words],
            env=self.environment(),
            input=None if stdin is None else stdin.encode(),
            capture_output=True,
        )
        try:
            done.check_returncode()
        except subprocess.CalledProcessError as error:
            error.add_note(done.stderr.decode(errors="replace"))  # pytest prints notes
            raise
        return done.stdout

    def create(self, namespace: str, *manifests: dict[str, Any]) -> None:
        """Create the objects.

        Raises:
            subprocess.CalledProcessError: one was refused; `stderr` says why.
        """
        together = {"apiVersion": "v1", "kind": "List", "items": manifests}
        self.kubectl("create", "-n", namespace, "-f", "-", stdin=json.dumps(together))

    def environment(self) -> dict[str, str]:
        path = f"{BINARIES}:{os.environ['PATH']}" if self.ours else os.environ["PATH"]
        return {**os.environ, "KUBECONFIG": str(self.kubeconfig), "PATH": path}

    def connect(self) -> None:
        """Let the Kubernetes client of this process speak to it."""
        kubernetes.config.load_kube_config(str(self.kubeconfig))


def find() -> Target:
    """KUBECONFIG's cluster, unless it is unset or names ours.

    Raises:
        ClusterError: there is none that can be used, with the reason and the remedy.
    """
    named = os.environ.get(EXTERNAL)
    if named and Path(named) != kubeconfig():
        return _elsewhere(named)
    cluster.require_running()
    return Target(kubeconfig(), ours=True)


def _elsewhere(named: str) -> Target:
    if not any(Path(file).exists() for file in named.split(os.pathsep)):
        raise ClusterError(f"{EXTERNAL} names {named}, which is not there: {REMEDY}")
    if not (registry := os.environ.get(REGISTRY)):
        raise ClusterError(
            f"{EXTERNAL} names a cluster: {REGISTRY} must name the registry that it pulls "
            "matinee/runtime:dev, matinee/operator:dev and matinee/router:dev from"
        )
    if missing := [program for program in PROGRAMS if shutil.which(program) is None]:
        raise ClusterError(
            f"{EXTERNAL} names a cluster, which needs {' and '.join(missing)} on the PATH"
        )
    found = Target(Path(named), ours=False, registry=registry)
    try:
        found.kubectl("get", "--raw=/readyz", TIMEOUT)
    except subprocess.CalledProcessError as error:
        reason = error.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise ClusterError(
            f"{EXTERNAL} names {named}, whose cluster does not answer: {reason}; {REMEDY}"
        ) from error
    return found
