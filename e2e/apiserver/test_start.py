"""A signal in the midst of a start ends the operator in order, whatever it waits for just then.

Each moment is a request of the start, every second one is tried: the signal is sent when the API
server hears it, which then never answers. So no moment depends on how fast anything is.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerProcess

import pytest

from e2e.apiserver.control_plane import ControlPlane
from e2e.apiserver.faulty import Asked, Fault, faulty_way
from e2e.apiserver.program import PATIENCE_S
from matinee_operator.__main__ import main
from matinee_operator.clients.kube import Kube
from matinee_operator.watch.handlers import watched
from tests.servers.ports import free_port

PROGRAMS = multiprocessing.get_context("forkserver")
PROGRAMS.set_forkserver_preload(["matinee_operator.program"])  # else each start reads it anew
ORDERLY_S = 10.0


def operator(environment: dict[str, str]) -> None:
    os.environ.update(environment)
    sys.exit(main([]))


@dataclass
class Moment:
    """The request of this number is held. `reached`: it has come."""

    number: int
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    heard: list[Asked] = field(default_factory=list)

    def plan(self, asked: Asked) -> Fault | None:
        self.heard.append(asked)
        if len(self.heard) != self.number:
            return None
        self.reached.set()
        return "held"


class Starts:
    """Of one operator after the other, through a proxy; `moment`: of the one that starts."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.moment = Moment(0)
        self._environment = environment

    def plan(self, asked: Asked) -> Fault | None:
        return self.moment.plan(asked)

    @asynccontextmanager
    async def start(self, number: int) -> AsyncIterator[ForkServerProcess]:
        self.moment = Moment(number)
        names = {"MATINEE_LEASE_NAME": f"moment-{number}", "MATINEE_HEALTH_PORT": str(free_port())}
        process = PROGRAMS.Process(target=operator, args=(self._environment | names,))
        process.start()
        try:
            yield process
        finally:
            process.kill()
            process.join()

    async def moments(self, kinds: int) -> int:
        """How many requests it takes to watch everything and to lead."""
        async with self.start(0), asyncio.timeout(PATIENCE_S):
            while True:
                heard = list(self.moment.heard)
                leads = any(one.method in ("POST", "PUT") for one in heard)
                if leads and len({one.path for one in heard if one.watch}) == kinds:
                    return len(heard)
                await asyncio.sleep(0.05)

    async def ended_at(self, number: int, sign: signal.Signals) -> int | None:
        """The exit code, when it is told to end at this moment."""
        async with self.start(number) as process, asyncio.timeout(PATIENCE_S):
            await self.moment.reached.wait()
            assert process.pid is not None
            os.kill(process.pid, sign)
            await asyncio.to_thread(process.join, ORDERLY_S)
            return process.exitcode


@pytest.mark.timeout(180)
async def test_it_ends_in_order_at_the_moments_of_its_start(
    kube: Kube, api_server: ControlPlane, namespace: str, capfd: pytest.CaptureFixture[str]
) -> None:
    settings = {"NAMESPACE": namespace, "NAMESPACES": namespace, "IDENTITY": "a"}
    environment = {f"MATINEE_{name}": text for name, text in settings.items()}
    environment["MATINEE_OPERATOR_KEY"] = "0123456789abcdef"
    starts = Starts(environment)
    async with faulty_way(api_server.kubeconfig, starts.plan, watch_lines=1000) as way:
        environment["KUBECONFIG"] = str(way.kubeconfig)
        moments = await starts.moments(len(watched((namespace,))))
        some = range(1, moments + 1, 2)  # neighbours are much alike
        signs = {at: (signal.SIGTERM, signal.SIGINT)[at % 4 == 1] for at in some}
        codes = {at: await starts.ended_at(at, sign) for at, sign in signs.items()}
    assert codes == {at: 128 + sign for at, sign in signs.items()}
    assert "Traceback" not in capfd.readouterr().err
    leases = await kube.list("Lease", namespace)
    assert {lease["spec"]["holderIdentity"] for lease in leases} <= {"", "a"}
    held = [one["metadata"]["name"] for one in leases if one["spec"]["holderIdentity"]]
    assert held == ["moment-0"], "only the one that was killed has not given it back"
