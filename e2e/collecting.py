"""What one wants to see after a test has failed, in one folder.

Some of it may be what failed, so nothing here raises because something is missing: `MISSING` in the
folder says what could not be had, and why.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from e2e.target import TIMEOUT, Target
from tools.cluster.places import STATE

OPERATOR = "matinee-system"
FOLDER = Path("outputs") / "e2e"
MISSING = "missing.txt"
CLUSTER_WIDE = ("nodes", "persistentvolumes", "namespaces", "storageclasses")
KINDS = (
    *("pods", "services", "endpointslices", "configmaps", "persistentvolumeclaims"),
    *("jobs", "deployments", "replicasets", "statefulsets", "horizontalpodautoscalers"),
    *("networkpolicies", "poddisruptionbudgets", "leases"),
    *("videomodels", "streamingservices", "routers"),
)


def collect(target: Target, test: str, namespace: str | None) -> Path:
    """Write events, objects, logs of pods and of the cluster's components; return the folder.

    Of each namespace, the test's own (without one `default`) and the operator's, there is a folder.
    """
    folder = FOLDER.resolve() / re.sub(r"[^\w.-]+", "_", test)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if target.ours:
        _component_logs(folder)
    if _kubectl(folder, target, "get", "--raw", "/readyz") is None:
        return folder  # nothing else can be had, and each attempt would take its time
    _write(folder / "events.txt", target, "get", "events", "-A", "-o", "wide")
    for kind in CLUSTER_WIDE:
        _write(folder / f"{kind}.yaml", target, "get", kind, "-o", "yaml")
    for place in (namespace or "default", OPERATOR):
        _objects(folder / place, target, place)
        _pod_logs(folder / place / "logs", target, place)
    return folder


def _component_logs(folder: Path) -> None:
    try:
        shutil.copytree(STATE / "logs", folder / "components")
    except OSError as error:
        _note(folder, f"components: {error}")


def _objects(folder: Path, target: Target, namespace: str) -> None:
    folder.mkdir()
    for kind in KINDS:
        _write(folder / f"{kind}.yaml", target, "get", kind, "-n", namespace, "-o", "yaml")


def _pod_logs(folder: Path, target: Target, namespace: str) -> None:
    folder.mkdir()
    listed = _kubectl(folder, target, "get", "pods", "-n", namespace, "-o", "name")
    for name in (line.partition("/")[2] for line in (listed or "").splitlines()):
        words = ("logs", "-n", namespace, name, "--all-containers", "--tail=2000")
        _write(folder / f"{name}.log", target, *words)
        _write(folder / f"{name}.previous.log", target, *words, "--previous")


def _write(file: Path, target: Target, *words: str) -> None:
    text = _kubectl(file.parent, target, *words)
    if text and text.strip():
        file.write_text(text)


def _kubectl(folder: Path, target: Target, *words: str) -> str | None:
    """What kubectl prints; None when it fails: no such kind is installed, a pod has no logs."""
    try:
        return target.kubectl(*words, TIMEOUT)
    except subprocess.CalledProcessError as error:
        _note(folder, f"kubectl {' '.join(words)}: {error.stderr.decode(errors='replace').strip()}")
    except OSError as error:  # there is no kubectl
        _note(folder, f"kubectl: {error}")
    return None


def _note(folder: Path, what: str) -> None:
    with (folder / MISSING).open("a") as file:
        file.write(f"{what}\n")
