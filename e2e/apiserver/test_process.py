"""The program itself, as a pod starts it, on a real API server."""

from __future__ import annotations

import asyncio
import signal

import aiohttp
import pytest

from e2e.apiserver.control_plane import ControlPlane
from e2e.apiserver.crds import install_crds, optional_kinds, without_crd
from e2e.apiserver.program import (
    PATIENCE_S,
    eventually,
    has_its_pods,
    led_by,
    readiness,
    replica,
)
from e2e.apiserver.scene import apply_all
from matinee_operator import labels
from matinee_operator.clients.kube import Kube
from matinee_operator.objects import Key, key_of
from tests.servers.ports import free_port

LEASE_S = 3.0
UNREADABLE = {"kopf.zalando.org/last-handled-configuration": "debug"}
WHOLE = {"metadata": {"finalizers": None}}


@pytest.mark.timeout(180)
async def test_it_works_until_it_is_told_to_stop_and_hands_the_lease_on(
    kube: Kube, api_server: ControlPlane, namespace: str
) -> None:
    port, lease = free_port(), Key("Lease", namespace, "matinee-operator")
    async with replica(api_server.kubeconfig, namespace, "a", port) as process:
        await eventually(kube, lease, led_by("a"))
        await apply_all(kube, namespace)
        await eventually(kube, Key("StreamingService", namespace, "tiny"), has_its_pods)
        pods = await kube.list("Pod", namespace)
        assert len(pods) == 2
        pod, marks = key_of(pods[0]), pods[0]["metadata"]["labels"]
        spoilt = {labels.MANAGED_BY: None, labels.SLOT: "debug"}  # so it leaves the watch
        await kube.merge(pod, {"metadata": {"annotations": UNREADABLE}})
        await kube.merge(pod, {"metadata": {"labels": spoilt}})
        await eventually(
            kube, pod, lambda found: found["metadata"]["labels"].items() >= marks.items()
        )
        await _spoil_for_kopf(kube, namespace)
        await apply_all(kube, namespace, replicas=3)
        await eventually(kube, Key("StreamingService", namespace, "tiny"), has_its_pods)
        for kind in ("VideoModel", "StreamingService"):
            meta = (await kube.get(Key(kind, namespace, "tiny")))["metadata"]
            assert meta["finalizers"] == ["matinee.video/kopf"]
            await kube.merge(key_of({"kind": kind, "metadata": meta}), WHOLE)
        async with aiohttp.ClientSession() as session:
            for path in ("healthz", "readyz", "metrics"):
                async with session.get(f"http://127.0.0.1:{port}/{path}") as answer:
                    assert answer.status == 200
        await kube.delete(Key("Service", namespace, "tiny"), await _uid(kube, namespace))
        await eventually(kube, Key("Service", namespace, "tiny"), lambda _found: True)
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(PATIENCE_S):
            assert await process.wait() == 128 + signal.SIGTERM
    await eventually(kube, lease, led_by(""))


async def _spoil_for_kopf(kube: Kube, namespace: str) -> None:
    """With the names that it uses for itself, the finalizer being that of a former release."""
    spoilt = {"annotations": UNREADABLE, "finalizers": ["matinee.video/kopf"]}
    for kind in ("VideoModel", "StreamingService"):
        await kube.merge(Key(kind, namespace, "tiny"), {"metadata": spoilt})


@pytest.mark.timeout(180)
async def test_pods_are_monitored_as_soon_as_somebody_reads_monitors(
    kube: Kube, api_server: ControlPlane, namespace: str
) -> None:
    async with replica(
        api_server.kubeconfig,
        namespace,
        RESYNC_SECONDS="1",
        POD_MONITOR_LABELS="release=prometheus",
        POD_MONITOR_INTERVAL="30s",
    ):
        await apply_all(kube, namespace)
        await eventually(kube, Key("StreamingService", namespace, "tiny"), has_its_pods)
        async with optional_kinds(kube, "PodMonitor"):
            monitor = Key("PodMonitor", namespace, "tiny")
            await eventually(kube, monitor, lambda _found: True)
            found = await kube.get(monitor)
    assert found["metadata"]["ownerReferences"][0]["kind"] == "StreamingService"
    assert found["metadata"]["labels"]["release"] == "prometheus"
    (endpoint,) = found["spec"]["podMetricsEndpoints"]
    assert endpoint == {"port": "control", "path": "/metrics", "interval": "30s"}


@pytest.mark.timeout(180)
async def test_a_definition_that_is_gone_is_named_and_waited_for(
    kube: Kube, api_server: ControlPlane, namespace: str, capfd: pytest.CaptureFixture[str]
) -> None:
    gone = "the cluster has no CRD routers.matinee.video: install the chart"
    port, lease = free_port(), Key("Lease", namespace, "matinee-operator")
    async with replica(api_server.kubeconfig, namespace, RESYNC_SECONDS="1") as process:
        await eventually(kube, lease, led_by("a"))
        async with without_crd(kube, "Router"):
            async with asyncio.timeout(PATIENCE_S):
                assert await process.wait() == 1
            assert f"stopped: KindsMissing: {gone}" in capfd.readouterr().err
            async with replica(api_server.kubeconfig, namespace, "b", port):
                said = await readiness(port, lambda body: "waits_for" in body)
                assert gone in said["waits_for"]
                await install_crds(kube)
                await eventually(kube, lease, led_by("b"))


async def _uid(kube: Kube, namespace: str) -> str:
    found = await kube.get(Key("Service", namespace, "tiny"))
    return str(found["metadata"]["uid"])


@pytest.mark.timeout(180)
async def test_the_standby_takes_over_from_a_leader_that_is_killed(
    kube: Kube, api_server: ControlPlane, namespace: str
) -> None:
    lease, loop = Key("Lease", namespace, "matinee-operator"), asyncio.get_running_loop()
    port = free_port()
    async with replica(api_server.kubeconfig, namespace, "a", 0, LEASE_S) as first:
        await eventually(kube, lease, led_by("a"))
        async with replica(api_server.kubeconfig, namespace, "b", port, LEASE_S):
            await readiness(port, lambda body: body["status"] == "ready")
            first.kill()
            killed = loop.time()
            await eventually(kube, lease, led_by("b"))
            assert loop.time() - killed < LEASE_S * 7 / 6 + 1.0
