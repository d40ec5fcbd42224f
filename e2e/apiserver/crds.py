"""Teaches an API server our kinds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import yaml

from matinee_api.kinds.resource import KINDS
from matinee_operator.clients.kube import PATHS, Kube
from matinee_operator.errors import NotFound

CRDS = Path(__file__).parents[2] / "crds"
PATH = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
POD_MONITORS: dict[str, Any] = {
    "metadata": {"name": "podmonitors.monitoring.coreos.com"},
    "spec": {
        "group": "monitoring.coreos.com",
        "names": {"kind": "PodMonitor", "plural": "podmonitors"},
        "scope": "Namespaced",
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "x-kubernetes-preserve-unknown-fields": True,
                    }
                },
            }
        ],
    },
}
"""The Prometheus operator's kind, with any content."""


async def install_crds(kube: Kube) -> None:
    """What is not there yet. A kind is served when its objects can be listed."""
    served = await kube.plurals("matinee.video/v1alpha1")
    missing = [kind for kind in KINDS if PATHS[kind][1] not in served]
    for kind in missing:
        file = CRDS / f"{PATHS[kind][1]}.matinee.video.yaml"
        await kube.request("POST", PATH, {}, yaml.safe_load(file.read_text(encoding="utf-8")))
    for kind in missing:
        await _until_served(kube, kind, True)


@asynccontextmanager
async def without_crd(kube: Kube, kind: str) -> AsyncIterator[None]:
    """One of our kinds does not exist at first; afterwards it does, whatever happened."""
    await kube.request("DELETE", f"{PATH}/{PATHS[kind][1]}.matinee.video")
    await _until_served(kube, kind, False)
    try:
        yield
    finally:
        await install_crds(kube)


@asynccontextmanager
async def pod_monitors(kube: Kube) -> AsyncIterator[None]:
    """The kind exists meanwhile."""
    await kube.request("POST", PATH, {}, POD_MONITORS)
    try:
        await _until_served(kube, "PodMonitor", True)
        yield
    finally:
        await kube.request("DELETE", f"{PATH}/{POD_MONITORS['metadata']['name']}")
        await _until_served(kube, "PodMonitor", False)


async def _until_served(kube: Kube, kind: str, served: bool) -> None:
    for _ in range(10_000):  # of requests: each takes milliseconds
        if await _is_served(kube, kind) is served:
            return
    raise AssertionError(f"{kind}: served is not {served}")


async def _is_served(kube: Kube, kind: str) -> bool:
    try:
        await kube.list(kind)
    except NotFound:
        return False
    return True
