"""The chart as helm renders it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.places import ROOT
from tools.cluster.places import BINARIES

CHART = ROOT / "charts" / "matinee"
HELM = shutil.which("helm") or shutil.which("helm", path=BINARIES)
"""On the PATH, or the test cluster's."""
needs_helm = pytest.mark.skipif(HELM is None, reason="helm is not installed")


def parent_chart(folder: Path) -> Path:
    """A chart of somebody else, which has ours in its `charts/`."""
    dependency = {"name": "matinee", "version": "*", "condition": "matinee.enabled"}
    chart = {"apiVersion": "v2", "name": "shop", "version": "1.0.0", "dependencies": [dependency]}
    (folder / "Chart.yaml").write_text(yaml.safe_dump(chart), encoding="utf-8")
    shutil.copytree(CHART, folder / "charts" / "matinee")
    return folder


def rendered(
    *arguments: str, release: str = "m", namespace: str = "matinee-system", chart: Path = CHART
) -> list[dict[str, Any]]:
    """All objects of the release.

    Raises:
        subprocess.CalledProcessError: helm refuses the values; `stderr` says why.
    """
    command = [HELM or "helm", "template", release, str(chart), "-n", namespace]
    done = subprocess.run(
        [*command, "--kube-version", "1.35.0", *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    return [one for one in yaml.safe_load_all(done.stdout) if one]
