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
from matinee_operator.watch.handlers import OPTIONAL

CRDS = Path(__file__).parents[2] / "crds"
PATH = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def _any_content(kind: str) -> dict[str, Any]:
    """A kind of others, whatever its objects say."""
    prefix, plural = PATHS[kind]
    _, group, version = prefix.split("/")
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    served = {"name": version, "served": True, "storage": True}
    return {
        "metadata": {
            "name": f"{plural}.{group}",
            # Of names that end with k8s.io the API server wants to know who approved them.
            "annotations": {"api-approved.kubernetes.io": "https://example.com"},
        },
        "spec": {
            "group": group,
            "names": {"kind": kind, "plural": plural},
            "scope": "Namespaced",
            "versions": [{**served, "schema": {"openAPIV3Schema": schema}}],
        },
    }


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
async def optional_kinds(kube: Kube, *kinds: str) -> AsyncIterator[None]:
    """These exist meanwhile, or all that may come and go."""
    wanted = {kind: _any_content(kind) for kind in kinds or OPTIONAL}
    for definition in wanted.values():
        await kube.request("POST", PATH, {}, definition)
    try:
        for kind in wanted:
            await _until_served(kube, kind, True)
        yield
    finally:
        for definition in wanted.values():
            await kube.request("DELETE", f"{PATH}/{definition['metadata']['name']}")
        for kind in wanted:
            await _until_served(kube, kind, False)


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
