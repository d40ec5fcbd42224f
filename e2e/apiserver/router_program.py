"""A router's eyes on a real API server, with rights of its own as the operator grants them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import yaml

from e2e.apiserver.control_plane import LIMITED
from e2e.apiserver.program import PATIENCE_S
from matinee.router.api_server import ApiServer
from matinee.router.discovery import Discovery
from matinee.router.table import Table, Thresholds
from matinee_api.config.router_config import BackendService, KubernetesConfig
from matinee_operator.clients.kube import Kube
from matinee_operator.objects import Key

RBAC = "/apis/rbac.authorization.k8s.io/v1"
SLICE = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice"}
PORTS = [{"name": "http", "port": 8000}, {"name": "control", "port": 8001}]
READY, TERMINATING = {"ready": True}, {"ready": False, "serving": True, "terminating": True}


def mounted(kubeconfig: Path, folder: Path, namespace: str, token: str = LIMITED) -> Path:
    """What Kubernetes mounts of a ServiceAccount. Returns the folder."""
    cluster = yaml.safe_load(kubeconfig.read_text())["clusters"][0]["cluster"]
    if authority := cluster.get("certificate-authority"):
        (folder / "ca.crt").write_text(Path(authority).read_text())
    (folder / "token").write_text(f"{token}\n")
    (folder / "namespace").write_text(namespace)
    return folder


def server_of(kubeconfig: Path) -> str:
    return str(yaml.safe_load(kubeconfig.read_text())["clusters"][0]["cluster"]["server"])


async def allow(kube: Kube, namespace: str) -> None:
    """The user `limited` may find backends."""
    meta = {"name": "router", "namespace": namespace}
    rule = {
        "apiGroups": ["discovery.k8s.io"],
        "resources": ["endpointslices"],
        "verbs": ["list", "watch"],
    }
    place = f"{RBAC}/namespaces/{namespace}"
    await kube.request("POST", f"{place}/roles", {}, {"metadata": meta, "rules": [rule]})
    await bind(kube, namespace)


async def bind(kube: Kube, namespace: str) -> None:
    binding = {
        "metadata": {"name": "router", "namespace": namespace},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "router"},
        "subjects": [{"kind": "User", "name": "limited"}],
    }
    place = f"{RBAC}/namespaces/{namespace}/rolebindings"
    await kube.request("POST", place, {}, binding)


async def unbind(kube: Kube, namespace: str) -> None:
    await kube.request("DELETE", f"{RBAC}/namespaces/{namespace}/rolebindings/router")


def endpoint(ip: str, conditions: dict[str, Any] = READY) -> dict[str, Any]:
    target = {"kind": "Pod", "name": f"pod-{ip[-1]}", "uid": f"uid-{ip[-1]}"}
    return {"addresses": [ip], "conditions": conditions, "targetRef": target}


async def put_slice(
    kube: Kube, namespace: str, name: str, *endpoints: dict[str, Any], family: str = "IPv4"
) -> Key:
    """Of the service `tiny`, made or changed."""
    labels = {"kubernetes.io/service-name": "tiny"}
    meta = {"name": name, "namespace": namespace, "labels": labels}
    facts = {"addressType": family, "ports": PORTS, "endpoints": list(endpoints)}
    await kube.apply({**SLICE, "metadata": meta, **facts})
    return Key("EndpointSlice", namespace, name)


async def reached(holds: Callable[[], bool]) -> None:
    """Wait until it is so."""
    async with asyncio.timeout(PATIENCE_S):
        for _ in iter(holds, True):
            await asyncio.sleep(0.01)


class Eyes:
    """A table that is filled, and every state that it was in."""

    def __init__(self) -> None:
        self.table = Table(Thresholds())
        self.states: list[dict[str, bool]] = []

    def named(self) -> None:
        found = {one.address.url: one.address.takes_new for one in self.table}
        self.states.append({url.removesuffix(":8000")[7:]: new for url, new in found.items()})

    async def see(self, *ips: str, keeping: tuple[str, ...] = ()) -> None:
        """Wait until these take new sessions, and those only keep theirs."""
        expected = dict.fromkeys(ips, True) | dict.fromkeys(keeping, False)
        await reached(lambda: bool(self.states) and self.states[-1] == expected)


@asynccontextmanager
async def looking(url: str, credentials: Path, namespace: str) -> AsyncIterator[Eyes]:
    eyes, services = Eyes(), ("tiny",)
    config = KubernetesConfig(services=tuple(BackendService(name=name) for name in services))
    api_server = ApiServer(url, credentials, namespace, services)
    discovery = Discovery(config, api_server, eyes.table, eyes.named)
    task = asyncio.create_task(discovery.run())
    try:
        yield eyes
    finally:
        task.cancel()
        await asyncio.wait([task])
