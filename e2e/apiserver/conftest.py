"""One API server for the run; a namespace for each test."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest

from e2e.apiserver import control_plane
from e2e.apiserver.control_plane import ControlPlane
from e2e.apiserver.crds import install_crds
from e2e.apiserver.scene import new_namespace
from matinee_operator.clients.kube import Kube, connected
from matinee_operator.metrics import Metrics


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
        await install_crds(found)
        yield found


@pytest.fixture
async def namespace(kube: Kube) -> str:
    return await new_namespace(kube, f"test-{uuid.uuid4().hex[:8]}")


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as found:
        yield found
