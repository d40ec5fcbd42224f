"""A service behind a Router, of real parts: the operator, the router's program as the Router's
Deployment would run it, and a server as the service's pod. The test is the controllers and the
kubelet: it makes the router's pod, the EndpointSlice, and says who is ready.
"""

from __future__ import annotations

import base64
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import psutil
import pytest
import yaml

from e2e.apiserver.control_plane import ControlPlane
from e2e.apiserver.router_program import allow, mounted, server_of
from e2e.apiserver.scene import NAME, SPECS, apply, set_status
from e2e.apiserver.story import Life, MortalKube
from matinee.router.api_server import HOST_VARIABLE, PORT_VARIABLE
from matinee_operator.clients.kube import Kube
from matinee_operator.objects import Key, moment, stamp
from tests.servers.ports import free_port
from tests.system.end_to_end.serving import Server, fake_pod, running
from tests.system.router.routing import command

ROUTER_IP = "127.9.0.9"
POD, ROUTER_SET = f"{NAME}-router-pod", f"{NAME}-router-set"


def own_address() -> str:
    """Of this machine: an EndpointSlice may list none of loopback's."""
    every = [one for each in psutil.net_if_addrs().values() for one in each]
    ips = [one.address for one in every if one.family == socket.AF_INET]
    found = next((ip for ip in ips if not ip_address(ip).is_loopback), None)
    return found or pytest.skip("this machine has no address but loopback's")


@dataclass(slots=True)
class Stage:
    """All pods listen at one port, each at an address of its own."""

    kube: Kube
    namespace: str
    session: aiohttp.ClientSession
    folder: Path
    port: int = field(default_factory=free_port)
    pod_ip: str = field(default_factory=own_address)

    def operator(self) -> Life:
        return Life(MortalKube(self.kube), self.session, self.namespace, self.port)

    async def apply(self, service: dict[str, Any], **router: Any) -> None:
        """The usual objects, with these changes."""
        await apply(self.kube, self.namespace, "VideoModel", SPECS["VideoModel"])
        spec = SPECS["StreamingService"] | service
        await apply(self.kube, self.namespace, "StreamingService", spec)
        await apply(self.kube, self.namespace, "Router", SPECS["Router"] | router)

    async def get(self, kind: str, name: str = NAME) -> dict[str, Any]:
        return await self.kube.get(Key(kind, self.namespace, name))

    async def conditions(self, kind: str) -> dict[str, str]:
        found = (await self.get(kind))["status"]["conditions"]
        return {one["type"]: f"{one['status']} {one['reason']}" for one in found}

    async def router_pods(self) -> int:
        """That its Deployment is to have."""
        return int((await self.get("Deployment", f"{NAME}-router"))["spec"]["replicas"])

    # As the Deployment's controller, and the kubelet

    async def router_starts(self) -> None:
        """Its pod, by way of a ReplicaSet."""
        deployment = await self.get("Deployment", f"{NAME}-router")
        template = deployment["spec"]["template"]
        spec = {"selector": deployment["spec"]["selector"], "template": template}
        replica_set = await self._owned("apps/v1", "ReplicaSet", ROUTER_SET, deployment, spec)
        await self._owned("v1", "Pod", POD, replica_set, template["spec"])
        await self.is_ready(POD, ROUTER_IP)

    async def _owned(
        self, version: str, kind: str, name: str, owner: dict[str, Any], spec: dict[str, Any]
    ) -> dict[str, Any]:
        """With the labels and the annotations of the Deployment's pods."""
        template = owner["spec"]["template"]["metadata"]
        reference = {
            "apiVersion": "apps/v1",
            "kind": owner["kind"],
            "name": owner["metadata"]["name"],
            "uid": owner["metadata"]["uid"],
            "controller": True,
        }
        meta = {"name": name, "namespace": self.namespace, "ownerReferences": [reference]}
        made = {"apiVersion": version, "kind": kind, "metadata": {**template, **meta}, "spec": spec}
        return {**await self.kube.create(made), "kind": kind}

    async def is_ready(self, name: str, ip: str, *, ready: bool = True, start_s: int = 0) -> None:
        """Since so long after it was made."""
        key = Key("Pod", self.namespace, name)
        pod = await self.kube.get(key)
        made = moment(pod["metadata"]["creationTimestamp"])
        since = stamp(made + timedelta(seconds=start_s))
        state, name = {"running": {"startedAt": since}}, pod["spec"]["containers"][0]["name"]
        container = {"name": name, "image": "x", "imageID": "", "ready": ready, "restartCount": 0}
        condition = {"type": "Ready", "status": str(ready), "lastTransitionTime": since}
        status = {
            "phase": "Running",
            "podIP": ip,
            "podIPs": [{"ip": ip}],
            "conditions": [condition],
            "containerStatuses": [{**container, "state": state}],
        }
        await set_status(self.kube, key, status)

    async def slices_list(self, *pods: dict[str, Any]) -> None:
        """The service's EndpointSlice, as its controller writes it: with the Service's labels."""
        service = await self.get("Service")
        marks = {**service["metadata"]["labels"], "kubernetes.io/service-name": NAME}
        endpoints = [
            {
                "addresses": [self.pod_ip],
                "conditions": {"ready": True},
                "targetRef": {"kind": "Pod", **_named(pod)},
            }
            for pod in pods
        ]
        meta = {"name": f"{NAME}-x", "namespace": self.namespace, "labels": marks}
        ports = [{"name": name, "port": self.port} for name in ("http", "control")]
        made = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": meta}
        facts = {"addressType": "IPv4", "ports": ports, "endpoints": endpoints}
        await self.kube.apply({**made, **facts})

    # The programs

    @contextmanager
    def router(self, server: ControlPlane, config: dict[str, Any], token: str) -> Iterator[Server]:
        """With what the operator wrote for it, but for where this machine has other places."""
        found, settings = self._written("router-control", token), config["router"]
        credentials = mounted(server.limited, self.folder, self.namespace)
        settings |= {"host": ROUTER_IP, "port": self.port, "control_token_file": found}
        more = {"control_token_file": found, "credentials_directory": str(credentials)}
        settings["kubernetes"] |= more
        file, place = self.folder / "router.yaml", urlsplit(server_of(server.limited))
        file.write_text(yaml.safe_dump(config))
        where = [f"{HOST_VARIABLE}={place.hostname}", f"{PORT_VARIABLE}={place.port}"]
        with running(["env", *where, *command(file)], self.folder / "router.log") as started:
            yield started

    @contextmanager
    def server(self, tokens: str) -> Iterator[Server]:
        """The service's pod."""
        found = self._written("control", tokens)
        words = fake_pod(host=self.pod_ip, port=self.port, control_token_file=found)
        with running(words, self.folder / "server.log") as started:
            yield started

    async def router_config(self) -> dict[str, Any]:
        found = await self.get("ConfigMap", f"{NAME}-router")
        config: dict[str, Any] = yaml.safe_load(found["data"]["router.yaml"])
        return config

    def _written(self, name: str, text: str) -> str:
        (self.folder / name).write_text(text)
        return str(self.folder / name)

    async def tokens(self, owner: str) -> str:
        """In the Secret of these pods: each on a line."""
        secrets = await self.kube.list("Secret", self.namespace)
        (found,) = (one for one in secrets if one["metadata"]["name"].startswith(f"{owner}-admin-"))
        return base64.b64decode(found["data"]["token"]).decode()

    async def may_find_backends(self) -> None:
        await allow(self.kube, self.namespace)


def _named(pod: dict[str, Any]) -> dict[str, str]:
    return {name: pod["metadata"][name] for name in ("name", "uid")}
