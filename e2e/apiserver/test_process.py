"""The program itself, as a pod starts it, on a real API server."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from e2e.apiserver.control_plane import ControlPlane, free_port
from e2e.apiserver.crds import pod_monitors
from e2e.apiserver.test_story import apply_all
from matinee_operator.clients.kube import Kube
from matinee_operator.errors import NotFound
from matinee_operator.objects import Key

PATIENCE_S = 40.0
LEASE_S = 3.0


@asynccontextmanager
async def replica(
    api_server: ControlPlane, namespace: str, name: str, port: int = 0
) -> AsyncIterator[Process]:
    environment = {
        "PATH": os.environ["PATH"],
        "KUBECONFIG": str(api_server.kubeconfig),
        "MATINEE_OPERATOR_KEY": "0123456789abcdef",
        "MATINEE_NAMESPACE": namespace,
        "MATINEE_NAMESPACES": namespace,
        "MATINEE_IDENTITY": name,
        "MATINEE_HEALTH_PORT": str(port or free_port()),
        "MATINEE_LEASE_SECONDS": f"{LEASE_S:g}",
        "MATINEE_PROPAGATION_SECONDS": "0",
    }
    command = (sys.executable, "-m", "matinee_operator")
    process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=PIPE)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def eventually(kube: Kube, key: Key, holds: Callable[[dict[str, Any]], bool]) -> None:
    """Ask until it is so."""
    async with asyncio.timeout(PATIENCE_S):
        for _ in iter(int, 1):
            try:
                if holds(await kube.get(key)):
                    return
            except NotFound:
                pass
            await asyncio.sleep(0.05)


async def ready(port: int) -> None:
    """Ask until the replica says so."""
    async with asyncio.timeout(PATIENCE_S), aiohttp.ClientSession() as session:
        for _ in iter(int, 1):
            with contextlib.suppress(aiohttp.ClientError):
                async with session.get(f"http://127.0.0.1:{port}/readyz") as answer:
                    if answer.status == 200:
                        return
            await asyncio.sleep(0.05)


def led_by(name: str) -> Callable[[dict[str, Any]], bool]:
    return lambda lease: bool(lease["spec"]["holderIdentity"] == name)


def has_its_pods(found: dict[str, Any]) -> bool:
    """The watch of its model may be slower than its own: the first status may know of none."""
    return bool(found.get("status", {}).get("replicas") == found["spec"]["replicas"])


@pytest.mark.timeout(180)
async def test_it_works_until_it_is_told_to_stop_and_hands_the_lease_on(
    kube: Kube, api_server: ControlPlane, namespace: str
) -> None:
    port, lease = free_port(), Key("Lease", namespace, "matinee-operator")
    async with replica(api_server, namespace, "a", port) as process:
        await eventually(kube, lease, led_by("a"))
        await apply_all(kube, namespace)
        await eventually(kube, Key("StreamingService", namespace, "tiny"), has_its_pods)
        pods = await kube.list("Pod", namespace)
        assert len(pods) == 2
        async with aiohttp.ClientSession() as session:
            for path in ("healthz", "readyz", "metrics"):
                async with session.get(f"http://127.0.0.1:{port}/{path}") as answer:
                    assert answer.status == 200
        await kube.delete(Key("Service", namespace, "tiny"), await _uid(kube, namespace))
        await eventually(kube, Key("Service", namespace, "tiny"), lambda _found: True)
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(PATIENCE_S):
            assert await process.wait() == 0
    await eventually(kube, lease, led_by(""))


@pytest.mark.timeout(180)
async def test_pods_are_monitored_where_somebody_reads_monitors(
    kube: Kube, api_server: ControlPlane, namespace: str
) -> None:
    async with pod_monitors(kube), replica(api_server, namespace, "a"):
        await apply_all(kube, namespace)
        monitor = Key("PodMonitor", namespace, "tiny")
        await eventually(kube, monitor, lambda _found: True)
        found = await kube.get(monitor)
        assert found["metadata"]["ownerReferences"][0]["kind"] == "StreamingService"
        (endpoint,) = found["spec"]["podMetricsEndpoints"]
        assert endpoint == {"port": "http", "path": "/metrics"}


async def _uid(kube: Kube, namespace: str) -> str:
    found = await kube.get(Key("Service", namespace, "tiny"))
    return str(found["metadata"]["uid"])


@pytest.mark.timeout(180)
async def test_the_standby_takes_over_from_a_leader_that_is_killed(
    kube: Kube, api_server: ControlPlane, namespace: str
) -> None:
    lease, loop = Key("Lease", namespace, "matinee-operator"), asyncio.get_running_loop()
    port = free_port()
    async with replica(api_server, namespace, "a") as first:
        await eventually(kube, lease, led_by("a"))
        async with replica(api_server, namespace, "b", port):
            await ready(port)
            first.kill()
            killed = loop.time()
            await eventually(kube, lease, led_by("b"))
            assert loop.time() - killed < LEASE_S * 7 / 6 + 1.0
