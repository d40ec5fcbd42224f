"""From `kubectl apply` of a StreamingService to its first Ready pod, and to the service that is
Ready, on the test cluster through the chart.

The first figure is less what the runtime needs by itself: from the start of its process to the line
that says that it is ready. What is left is Kubernetes' and the operator's: admission, reconciling,
scheduling, volumes, container, probe. The second is what people wait for, all of it.
"""

from __future__ import annotations

import sys
import time
import uuid
from datetime import datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import yaml

from benchmarks._report import Figure, report, take_turns
from e2e import operating, target
from e2e.target import Target
from e2e.waiting import is_ready
from tools.cluster.shell import ClusterError

ROOT = Path(__file__).resolve().parents[1]
REPETITIONS = 3
DEFAULTS = ("--set", "propagationSeconds=5")
"""Of the chart, where the tests have others."""
READY_LINE = "ready: http://"
STARTED = """
import os, time
ticks = int(open("/proc/1/stat").read().rpartition(")")[2].split()[19])
uptime_s = float(open("/proc/uptime").read().split()[0])
print(time.time() - uptime_s + ticks / os.sysconf("SC_CLK_TCK"))
"""
"""When the container's first process began, seconds since 1970."""


def main() -> None:
    try:
        found = target.find()
    except ClusterError as error:
        print(f"pod_ready: {error}", file=sys.stderr)
        return
    found.connect()
    operating.install(found, *DEFAULTS)
    services: list[float] = []
    try:
        (pod,) = take_turns(REPETITIONS, lambda: measure(found, services))
    finally:
        operating.uninstall(found)
    service = Figure(tuple(services[1:]))
    for name, seconds, target_s in (
        ("apply to pod Ready, less the runtime's own start", pod, 3.0),
        ("apply to service Ready", service, 8.0),
    ):
        conditions = {"cluster": "tools/cluster, two nodes", "pods": 1}
        report(name=name, unit="s", ours=seconds, target=target_s, conditions=conditions)


def measure(found: Target, services: list[float]) -> float:
    """In a namespace of its own, whose model is warmed already. `services`: where the time to the
    service that is Ready is put."""
    namespace = f"bench-{uuid.uuid4().hex[:8]}"
    found.kubectl("create", "namespace", namespace)
    try:
        found.kubectl("apply", "-n", namespace, "-f", str(ROOT / "examples/videomodel.yaml"))
        operating.wait_until("VideoModel", namespace, "tiny", operating.condition("Ready", "True"))
        began = time.time()
        found.kubectl("apply", "-n", namespace, "-f", "-", stdin=one_pod())
        pod = first_ready(namespace)
        seconds = time.time() - began
        ready = operating.condition("Ready", "True")
        operating.wait_until("StreamingService", namespace, "tiny", ready)
        services.append(time.time() - began)
        return seconds - own_start_s(found, namespace, pod)
    finally:
        found.kubectl("delete", "namespace", namespace)


def one_pod() -> str:
    """The example with one pod: two would share the cores while they load."""
    service = yaml.safe_load((ROOT / "examples/streamingservice.yaml").read_text())
    service["spec"]["replicas"] = 1
    return str(yaml.safe_dump(service))


def first_ready(namespace: str) -> str:
    (pod,) = operating.wait_for_pods(namespace, "tiny", lambda found: any(map(is_ready, found)))
    return str(pod["metadata"]["name"])


def own_start_s(found: Target, namespace: str, pod: str) -> float:
    """From the start of the runtime's process to its line that says that it is ready."""
    started = float(found.kubectl("exec", "-n", namespace, pod, "--", "python3", "-c", STARTED))
    for line in found.kubectl("logs", "-n", namespace, pod, "--timestamps").splitlines():
        when, _, said = line.partition(" ")
        if said.startswith(READY_LINE):
            return datetime.fromisoformat(when[:26] + "+00:00").timestamp() - started
    raise RuntimeError(f"{pod} never said that it is ready")


if __name__ == "__main__":
    main()
