"""One API server for the run; a namespace for each test."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import yaml

from e2e.apiserver import control_plane
from e2e.apiserver.control_plane import ControlPlane
from matinee_api.resources import KINDS
from matinee_operator.errors import NotFound
from matinee_operator.kube import Kube, connected
from matinee_operator.metrics import Metrics

CRDS = Path(__file__).parents[2] / "crds"


@pytest.fixture(scope="session")
def api_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    if reason := control_plane.missing():
        pytest.skip(reason)
    with control_plane.running(tmp_path_factory.mktemp("apiserver")) as found:
        yield found


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
async def kube(api_server: ControlPlane, metrics: Metrics) -> AsyncIterator[Kube]:
    async with connected(metrics, str(api_server.kubeconfig)) as found:
        await _install_crds(found)
        yield found


@pytest.fixture
async def namespace(kube: Kube) -> str:
    name = f"test-{uuid.uuid4().hex[:8]}"
    await kube.request("POST", "/api/v1/namespaces", {}, {"metadata": {"name": name}})
    return name


async def _install_crds(kube: Kube) -> None:
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
