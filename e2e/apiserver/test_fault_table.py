"""Every row of the fault table, on a real API server. The rows run side by side, each in a
namespace of its own; each is a test that reports what became of its row.
"""

from __future__ import annotations

import asyncio
import uuid
from functools import partial

import aiohttp
import pytest

from e2e.apiserver.control_plane import ControlPlane
from e2e.apiserver.crds import install_crds
from e2e.apiserver.faults.fault import Fault
from e2e.apiserver.faults.steps import applied
from e2e.apiserver.faults.table import SECTIONS
from e2e.apiserver.scene import NAME, SPECS, new_namespace
from e2e.apiserver.side_by_side import side_by_side
from e2e.apiserver.story import TOLD, life
from matinee_operator.clients.kube import Kube, connected
from matinee_operator.metrics import Metrics
from matinee_operator.objects import Key

FAULTS = {fault.what: fault for faults in SECTIONS.values() for fault in faults}


@pytest.fixture(scope="session")
def ends(
    request: pytest.FixtureRequest, api_server: ControlPlane
) -> dict[str, BaseException | None]:
    """Of the rows that were asked for: None, or what went wrong."""
    asked = [
        str(test.callspec.params["what"])
        for test in request.session.items
        if isinstance(test, pytest.Function) and "ends" in test.fixturenames
    ]
    return asyncio.run(_all_done(api_server, asked))


@pytest.mark.timeout(300)  # of the first one, which waits for all
@pytest.mark.parametrize("what", FAULTS)
def test_every_fault_has_its_condition(what: str, ends: dict[str, BaseException | None]) -> None:
    end = ends[what]
    if end is not None:
        raise end


async def _all_done(server: ControlPlane, asked: list[str]) -> dict[str, BaseException | None]:
    async with (
        connected(Metrics(), str(server.kubeconfig)) as kube,
        aiohttp.ClientSession() as session,
    ):
        await install_crds(kube)
        return await side_by_side(
            {what: partial(_is_told, FAULTS[what], kube, session) for what in asked}
        )


async def _is_told(fault: Fault, kube: Kube, session: aiohttp.ClientSession) -> None:
    namespace = await new_namespace(kube, f"fault-{uuid.uuid4().hex[:8]}")
    operator = life(kube, session, namespace)
    for kind in SPECS:
        if kind not in fault.without:
            await applied(kind)(kube, namespace, operator)
    await operator.settle(TOLD)
    for step in fault.steps:
        await step(kube, namespace, operator)
        await operator.settle(TOLD)
    await operator.close()
    await _shows(fault, kube, namespace)


async def _shows(fault: Fault, kube: Kube, namespace: str) -> None:
    found = await kube.get(Key(fault.kind, namespace, NAME))
    told = {one["type"]: one for one in found["status"]["conditions"]}[fault.condition]
    assert (told["status"], told["reason"]) == (fault.status, fault.reason), told
    assert fault.says in told["message"]
    assert told["observedGeneration"] == found["metadata"]["generation"]
    for kind in fault.remade:
        assert await kube.list(kind, namespace)


def test_there_are_at_least_eighty_kinds() -> None:
    assert len(FAULTS) >= 80
    assert len(FAULTS) == sum(map(len, SECTIONS.values()))
