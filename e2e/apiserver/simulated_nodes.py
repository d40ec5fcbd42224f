"""Nodes for the API server on loopback: a real scheduler, and kwok as their kubelets. Pods are
Ready at once, and each has the address of one server that stands for all of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from e2e.apiserver.control_plane import ControlPlane, process
from tools.cluster import binaries, simulated

PODS_EACH = 110
STAGES = Path(simulated.__file__).with_name("simulated.yaml")
OWN_ADDRESS = "index $addresses 0"
"""How a stage writes the address that kwok gives a pod."""


@contextmanager
def running(folder: Path, plane: ControlPlane, pod_address: str) -> Iterator[None]:
    """Until the block ends. The Node objects are the caller's to make (`simulated.node`)."""
    stages = folder / "stages.yaml"
    stages.write_text(with_address(STAGES.read_text(encoding="utf-8"), pod_address))
    kubeconfig = f"--kubeconfig={plane.kubeconfig}"
    binaries.build(print, [binaries.KWOK])
    with ExitStack() as stack:
        for name, flags in (
            ("kube-scheduler", ("--leader-elect=false", "--secure-port=0", *_unthrottled())),
            ("kwok", (f"--config={stages}", *_kwok_flags(pod_address))),
        ):
            stack.enter_context(process(folder, name, kubeconfig, *flags))
        yield


def with_address(stages: str, address: str) -> str:
    """Raises `ValueError` when the stages do not write addresses as they used to."""
    if OWN_ADDRESS not in stages:
        raise ValueError(f"no {OWN_ADDRESS!r} in {STAGES}")
    return stages.replace(OWN_ADDRESS, f'"{address}"')


def _unthrottled() -> tuple[str, ...]:
    """Otherwise the scheduler binds 50 pods a second at most."""
    return "--kube-api-qps=1000", "--kube-api-burst=1000"


def _kwok_flags(address: str) -> tuple[str, ...]:
    key, value = simulated.TAINT["key"], simulated.TAINT["value"]
    return (
        "--manage-all-nodes=false",
        f"--manage-nodes-with-annotation-selector={key}={value}",
        "--node-lease-duration-seconds=40",
        f"--node-ip={address}",
    )
