"""The operator with 1,000 StreamingServices of two pods each: how long until all serve, and what it
costs when nothing happens.

    python benchmarks/operator_scale.py [SERVICES]

etcd, API server and scheduler are real, kwok plays the kubelets, and every pod's feed is open: one
server stands for all pods. The operator is a process of its own.
"""

from __future__ import annotations

import asyncio
import math
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks._operator import Operator, Sample, running_operator
from benchmarks._report import package_versions, report
from e2e.apiserver import control_plane, simulated_nodes
from e2e.apiserver.crds import install_crds
from matinee_api.contracts.pod_http import CONTROL_PORT
from matinee_api.kinds.meta import API_VERSION
from matinee_operator.clients.kube import Kube, connected
from matinee_operator.metrics import Metrics
from matinee_operator.settings import Settings
from tools.cluster import binaries, simulated
from tools.cluster.binaries import KUBERNETES

SERVICES = 1000
PODS_EACH = 2
PODS_ADDRESS = "127.8.0.1"
"""Loopback, but not where a server of this machine usually listens on the runtime's port."""
RESYNC_S = 120
"""So that one comes while the benchmark waits; the steady figure has it as often as by default."""
QUIET_S = 60.0
NAMESPACE = "scale"
AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Measured:
    ready_s: float
    quiet_share: float
    """Of one core."""
    resync_cpu_s: float
    resync_writes: int
    rss_mb: float
    feeds: int


def main() -> None:
    if reason := control_plane.missing("kube-scheduler") or binaries.why_not([binaries.KWOK]):
        print(f"operator_scale skipped: {reason}", file=sys.stderr)
        return
    services = int(sys.argv[1]) if len(sys.argv) > 1 else SERVICES
    found = asyncio.run(measure(services))
    conditions = {
        "services": services,
        "pods": services * PODS_EACH,
        "feeds_open": found.feeds,
        "kubernetes": KUBERNETES,
        "on_the_same_machine": "etcd, API server, scheduler, kwok, the pods' server",
        **package_versions("kopf", "aiohttp"),
    }
    for more, figure in figures(found):
        report(**figure, conditions={**conditions, **more})


def figures(found: Measured) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Conditions of its own and the figure, for each of the lines."""
    every_s = Settings((), "", "").resync_seconds
    steady = 100 * (found.quiet_share + found.resync_cpu_s / every_s)
    yield {}, figure("all services Ready", "s", found.ready_s, 60.0)
    parts = {
        "quiet_minute_percent": round(100 * found.quiet_share, 2),
        "cpu_of_one_resync_s": round(found.resync_cpu_s, 2),
        "resync_every_s": every_s,
    }
    yield parts, figure("CPU when nothing happens", "% of a core", steady, 2.0)
    yield {}, figure("resident memory", "MB", found.rss_mb, 200.0)
    yield {}, figure("write requests of an unchanged resync", "1", found.resync_writes, 0.0)


def figure(what: str, unit: str, ours: float, target: float) -> dict[str, Any]:
    return {"name": f"operator: {what}", "unit": unit, "ours": ours, "target": target}


async def measure(services: int) -> Measured:
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        plane = stack.enter_context(control_plane.running(folder))
        stack.enter_context(simulated_nodes.running(folder, plane, PODS_ADDRESS))
        async with connected(Metrics(), str(plane.kubeconfig)) as kube, pods_server():
            await install_crds(kube)
            await make_nodes(kube, services * PODS_EACH)
            async with running_operator(plane.kubeconfig, folder, RESYNC_S) as operator:
                ready_s = await until_all_ready(kube, services)
                return await when_quiet(operator, services, ready_s)


@asynccontextmanager
async def pods_server() -> AsyncIterator[None]:
    script = str(Path(__file__).with_name("_many_pods.py"))
    command = (sys.executable, script, PODS_ADDRESS, str(CONTROL_PORT), "4")
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        if await listening(process) != b"ready\n":
            raise RuntimeError(f"{PODS_ADDRESS}:{CONTROL_PORT} cannot be listened on")
        yield
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def listening(process: asyncio.subprocess.Process) -> bytes:
    return await process.stdout.readline() if process.stdout else b""


async def make_nodes(kube: Kube, pods: int) -> None:
    for number in range(math.ceil(pods / simulated_nodes.PODS_EACH) + 1):
        await kube.request("POST", "/api/v1/nodes", {}, simulated.node(number + 1))


async def until_all_ready(kube: Kube, services: int) -> float:
    """Seconds from the first object that is made to the last that is Ready."""
    await kube.request("POST", "/api/v1/namespaces", {}, {"metadata": {"name": NAMESPACE}})
    began = time.time()
    source, engine = {"uri": "builtin:tiny"}, {"family": "ltx"}
    spec = {"source": source, "engine": engine, "warmup": {"enabled": False}}
    await kube.create(resource("VideoModel", "tiny", spec))
    numbers = iter(range(services))
    await asyncio.gather(*(make_services(kube, numbers) for _ in range(AT_ONCE)))
    while True:
        found = await kube.list("StreamingService", NAMESPACE)
        since = [stamp for one in found if (stamp := ready_since(one)) is not None]
        if len(since) == services:
            return max(since) - began
        await asyncio.sleep(5.0)


async def make_services(kube: Kube, numbers: Any) -> None:
    toleration = {"key": simulated.TAINT["key"], "operator": "Exists", "effect": "NoSchedule"}
    spec = {
        "modelRef": {"name": "tiny"},
        "replicas": PODS_EACH,
        "resources": {"gpu": {"count": 0}},
        "scheduling": {"tolerations": [toleration]},
    }
    for number in numbers:
        await kube.create(resource("StreamingService", f"live-{number}", spec))


def resource(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    meta = {"name": name, "namespace": NAMESPACE}
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": meta, "spec": spec}


def ready_since(service: dict[str, Any]) -> float | None:
    for one in service.get("status", {}).get("conditions", []):
        if one["type"] == "Ready" and one["status"] == "True":
            return datetime.fromisoformat(one["lastTransitionTime"]).timestamp()
    return None


async def when_quiet(operator: Operator, services: int, ready_s: float) -> Measured:
    await until_idle(operator)
    before, after = await one_resync(operator, services)
    quiet = await operator.sample()
    await asyncio.sleep(QUIET_S)
    end = await operator.sample()
    if end.total("reconciles_total") != quiet.total("reconciles_total"):
        raise RuntimeError("the quiet minute was not quiet")
    return Measured(
        ready_s=ready_s,
        quiet_share=(end.cpu_s - quiet.cpu_s) / QUIET_S,
        resync_cpu_s=after.cpu_s - before.cpu_s,
        resync_writes=after.write_requests - before.write_requests,
        rss_mb=end.rss_mb,
        feeds=int(end.total("pod_feeds")),
    )


async def until_idle(operator: Operator) -> Sample:
    """Until nothing was looked at for five seconds."""
    before = await operator.sample()
    while True:
        await asyncio.sleep(5.0)
        after = await operator.sample()
        if after.total("reconciles_total") == before.total("reconciles_total"):
            return after
        before = after


async def one_resync(operator: Operator, services: int) -> tuple[Sample, Sample]:
    """Before and after one that looked at every object."""
    while True:
        before = await operator.sample()
        await asyncio.sleep(1.0)
        gets = (await operator.sample()).counters
        name = 'matinee_operator_api_requests_total{verb="get"}'
        if gets[name] == before.counters[name]:
            continue
        after = await until_idle(operator)
        looked = after.total("reconciles_total") - before.total("reconciles_total")
        if looked > services:
            return before, after


if __name__ == "__main__":
    main()
