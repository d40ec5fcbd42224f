"""Teaches an API server our kinds."""

from __future__ import annotations

from pathlib import Path

import yaml

from matinee_api.resources import KINDS
from matinee_operator.errors import NotFound
from matinee_operator.kube import Kube

CRDS = Path(__file__).parents[2] / "crds"


async def install_crds(kube: Kube) -> None:
    """Once for each server. A kind is served when its objects can be listed."""
    if await kube.serves("matinee.video/v1alpha1"):
        return
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    for file in CRDS.glob("*.yaml"):
        await kube.request("POST", path, {}, yaml.safe_load(file.read_text(encoding="utf-8")))
    for kind in KINDS:
        for _ in range(10_000):  # of requests: each takes milliseconds
            if await _is_served(kube, kind):
                break


async def _is_served(kube: Kube, kind: str) -> bool:
    try:
        await kube.list(kind)
    except NotFound:
        return False
    return True
