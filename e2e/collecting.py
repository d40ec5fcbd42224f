"""What one wants to see after a test has failed, in one folder."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from e2e.cluster.places import STATE
from e2e.target import Target

OPERATOR = "matinee-system"
TIMEOUT = "--request-timeout=10s"
"""The API server may be what failed."""
FOLDER = Path("outputs") / "e2e"
KINDS = (
    *("pods", "services", "endpointslices", "configmaps", "jobs", "persistentvolumeclaims"),
    *("networkpolicies", "poddisruptionbudgets", "deployments", "leases"),
    *("videomodels", "streamingservices", "routers"),
)


def collect(target: Target, test: str, namespace: str | None) -> Path:
    """Write events, objects, logs of pods and of the cluster's components; return the folder."""
    folder = FOLDER.resolve() / re.sub(r"[^\w.-]+", "_", test)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    scope = ["-n", namespace] if namespace else ["-A"]
    _write(folder / "events.txt", target, "get", "events", *scope, "-o", "wide")
    _write(folder / "nodes.yaml", target, "get", "nodes", "-o", "yaml")
    for kind in KINDS:
        words = ("get", kind, *scope, "-o", "yaml")
        _write(folder / f"{kind}.yaml", target, *words)
    for each in (namespace, OPERATOR):
        if each:
            _pod_logs(target, each, folder / "logs")
    if target.ours:
        shutil.copytree(STATE / "logs", folder / "components", dirs_exist_ok=True)
    return folder


def _pod_logs(target: Target, namespace: str, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    try:
        listed = target.kubectl("get", "pods", "-n", namespace, "-o", "name", TIMEOUT)
    except subprocess.CalledProcessError:
        return
    for name in (line.partition("/")[2] for line in listed.splitlines()):
        words = ("logs", "-n", namespace, name, "--all-containers", "--tail=2000")
        _write(folder / f"{name}.log", target, *words)
        _write(folder / f"{name}.previous.log", target, *words, "--previous")


def _write(file: Path, target: Target, *words: str) -> None:
    """What cannot be had (a kind that is not installed, a pod without logs) is left out."""
    try:
        text = target.kubectl(*words, TIMEOUT)
    except subprocess.CalledProcessError:
        return
    if text.strip():
        file.write_text(text)
