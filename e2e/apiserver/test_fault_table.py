"""Every row of the fault table, on a real API server."""

from __future__ import annotations

import contextlib

import aiohttp
import pytest

from e2e.apiserver.faults.fault import Fault
from e2e.apiserver.faults.steps import NAME, SPECS, applied
from e2e.apiserver.faults.table import SECTIONS
from e2e.apiserver.story import Life, MortalKube
from matinee_operator.clients.kube import Kube
from matinee_operator.errors import Refused
from matinee_operator.objects import Key

FAULTS = {fault.what: fault for faults in SECTIONS.values() for fault in faults}


async def settle(life: Life) -> None:
    """A refusal is told in the status before the key comes back to the queue."""
    with contextlib.suppress(Refused):
        await life.settle()


@pytest.mark.parametrize("what", FAULTS)
async def test_every_fault_has_its_condition(what: str, kube: Kube, namespace: str) -> None:
    fault = FAULTS[what]
    async with aiohttp.ClientSession() as session:
        life = Life(MortalKube(kube, None, before=False), session, namespace)
        usual = [applied(kind) for kind in SPECS if kind not in fault.without]
        for step in usual:
            await step(kube, namespace, life)
        await settle(life)
        for step in fault.steps:
            await step(kube, namespace, life)
            await settle(life)
    await _is_told(fault, kube, namespace)


async def _is_told(fault: Fault, kube: Kube, namespace: str) -> None:
    found = await kube.get(Key(fault.kind, namespace, NAME))
    told = {one["type"]: one for one in found["status"]["conditions"]}[fault.condition]
    assert (told["status"], told["reason"]) == (fault.status, fault.reason), told
    assert fault.says in told["message"]
    assert told["observedGeneration"] == found["metadata"]["generation"]
    for kind in fault.remade:
        assert await kube.list(kind, namespace)


def test_there_are_at_least_forty_kinds() -> None:
    assert len(FAULTS) >= 40
    assert len(FAULTS) == sum(map(len, SECTIONS.values()))
