"""The only module that talks to the API server. Plain dictionaries in and out, no typed models:
they would cost more memory than everything else the operator keeps.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import aiohttp
from kubernetes.aio.client.api_client import ApiClient
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.config.config_exception import ConfigException
from kubernetes.aio.config.incluster_config import load_incluster_config
from kubernetes.aio.config.kube_config import load_kube_config

from matinee_api.proxies import ProxyUnusable, proxy_for
from matinee_operator import labels
from matinee_operator.errors import BadSettings, Expired, NotFound, Unavailable, api_error
from matinee_operator.metrics import Metrics
from matinee_operator.objects import Key, key_of

Object = dict[str, Any]

PATHS = {
    "Pod": ("api/v1", "pods"),
    "ConfigMap": ("api/v1", "configmaps"),
    "Secret": ("api/v1", "secrets"),
    "PersistentVolumeClaim": ("api/v1", "persistentvolumeclaims"),
    "Service": ("api/v1", "services"),
    "Event": ("api/v1", "events"),
    "Node": ("api/v1", "nodes"),
    "Job": ("apis/batch/v1", "jobs"),
    "Deployment": ("apis/apps/v1", "deployments"),
    "ReplicaSet": ("apis/apps/v1", "replicasets"),
    "ServiceAccount": ("api/v1", "serviceaccounts"),
    "Role": ("apis/rbac.authorization.k8s.io/v1", "roles"),
    "RoleBinding": ("apis/rbac.authorization.k8s.io/v1", "rolebindings"),
    "Lease": ("apis/coordination.k8s.io/v1", "leases"),
    "PodDisruptionBudget": ("apis/policy/v1", "poddisruptionbudgets"),
    "NetworkPolicy": ("apis/networking.k8s.io/v1", "networkpolicies"),
    "Ingress": ("apis/networking.k8s.io/v1", "ingresses"),
    "HTTPRoute": ("apis/gateway.networking.k8s.io/v1", "httproutes"),
    "EndpointSlice": ("apis/discovery.k8s.io/v1", "endpointslices"),
    "PodMonitor": ("apis/monitoring.coreos.com/v1", "podmonitors"),
    "VideoModel": ("apis/matinee.video/v1alpha1", "videomodels"),
    "StreamingService": ("apis/matinee.video/v1alpha1", "streamingservices"),
    "Router": ("apis/matinee.video/v1alpha1", "routers"),
}
JSON = "application/json"
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
NOBODYS_VERSION = "1"
"""No stored object has it: an apply with it makes an object and changes none."""
REQUEST_TIMEOUT_S = 30.0
CONNECTIONS = 32


@dataclass(frozen=True, slots=True)
class Credentials:
    """How kopf reaches the same API server."""

    server: str
    ca_path: str | None
    token: str | None
    certificate_path: str | None
    private_key_path: str | None
    proxy_url: str | None


class Kube:
    """Requests to one API server."""

    def __init__(self, client: ApiClient, metrics: Metrics, page: int = 100) -> None:
        """`page`: so many objects of a list come with one answer, and are in memory at once."""
        self.client = client
        self.metrics = metrics
        self._page = page

    async def apply(self, manifest: Mapping[str, Any]) -> Object:
        """Server-side apply under our field manager; others' fields stay theirs."""
        return await self._apply(path_of(key_of(manifest)), manifest, labels.FIELD_MANAGER)

    async def apply_new(self, manifest: Mapping[str, Any]) -> Object:
        """Make it as an apply does. Raises `Conflict` where something has the name."""
        meta = {**manifest["metadata"], "resourceVersion": NOBODYS_VERSION}
        return await self.apply({**manifest, "metadata": meta})

    async def apply_status(self, key: Key, api_version: str, status: Mapping[str, Any]) -> Object:
        meta = {"name": key.name, "namespace": key.namespace}
        body = {"apiVersion": api_version, "kind": key.kind, "metadata": meta, "status": status}
        return await self._apply(f"{path_of(key)}/status", body, labels.STATUS_MANAGER)

    async def _apply(self, path: str, body: Mapping[str, Any], manager: str) -> Object:
        query = {"fieldManager": manager, "force": "true"}
        return await self.request("PATCH", path, query, body, APPLY)

    async def create(self, manifest: Mapping[str, Any]) -> Object:
        """Raises `AlreadyExists`."""
        key = key_of(manifest)
        query = {"fieldManager": labels.FIELD_MANAGER}
        return await self.request("POST", _collection(key.kind, key.namespace), query, manifest)

    async def replace(self, manifest: Mapping[str, Any]) -> Object:
        """With the resourceVersion that was read. Raises `Conflict`."""
        query = {"fieldManager": labels.FIELD_MANAGER}
        return await self.request("PUT", path_of(key_of(manifest)), query, manifest)

    async def merge(self, key: Key, body: Mapping[str, Any]) -> Object:
        query = {"fieldManager": labels.FIELD_MANAGER}
        return await self.request("PATCH", path_of(key), query, body, MERGE)

    async def get(self, key: Key) -> Object:
        return await self.request("GET", path_of(key))

    async def delete(self, key: Key, uid: str, version: str = "") -> Object | None:
        """Only the object with this uid, and with a version only as it was read. What is left of
        it: None when it is gone at once.

        Raises `NotFound` and `Conflict`.
        """
        only = {"uid": uid} | ({"resourceVersion": version} if version else {})
        body = {"preconditions": only, "propagationPolicy": "Background"}
        answer = await self.request("DELETE", path_of(key), body=body)
        return answer if _is_left(answer.get("metadata", {})) else None

    async def list(
        self,
        kind: str,
        namespace: str | None = None,
        labels: str = "",
        fields: str = "",
        accept: str = JSON,
        kept: Callable[[Object], bool] = lambda _raw: True,
    ) -> list[Object]:
        """Every object of a kind that is to be kept, read page by page; each with its kind. `kept`
        is asked as soon as a page is there; again, when the list has to begin again.
        `labels` and `fields` select, `accept`: `METADATA` for the metadata alone."""
        found: list[Object] = []
        asked = {"labelSelector": labels, "fieldSelector": fields}
        first = {"limit": str(self._page)} | {name: text for name, text in asked.items() if text}
        query = first
        while True:
            try:
                page = await self.request("GET", _collection(kind, namespace), query, accept=accept)
            except Expired:
                if query is first:
                    raise
                found, query = [], first
                continue
            version = page.get("apiVersion", "")
            items = ({"apiVersion": version, **item, "kind": kind} for item in page["items"] or ())
            found += filter(kept, items)
            following = page.get("metadata", {}).get("continue")
            if not following:
                return found
            query = {**first, "continue": following}

    async def plurals(self, group_version: str) -> frozenset[str]:
        """The resources of this group and version; empty when the API server does not know it."""
        try:
            found = await self.request("GET", f"/apis/{group_version}")
        except NotFound:
            return frozenset()
        return frozenset(each["name"] for each in found["resources"] if "/" not in each["name"])

    async def request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        content_type: str = JSON,
        accept: str = JSON,
    ) -> Object:
        """One request. Raises `ApiError`."""
        headers = {"Content-Type": content_type, "Accept": accept}
        params: list[tuple[str, str]] = []
        await self.client.update_params_for_auth(
            headers, params, ["BearerToken"], path, method, body
        )
        url = self.client.configuration.host + path + (f"?{urlencode(query)}" if query else "")
        self.metrics.count("api_requests_total", verb=method.lower())
        try:
            answer = await self.client.rest_client.request(
                method, url, headers=headers, body=body, _request_timeout=_TIMEOUT
            )
            text = await answer.read()
        except (aiohttp.ClientError, TimeoutError, asyncio.IncompleteReadError) as error:
            raise Unavailable(0, type(error).__name__, str(error) or "no answer") from error
        return _checked(answer.status, text)

    def credentials(self) -> Credentials:
        known = self.client.configuration
        token = known.api_key.get("BearerToken")
        return Credentials(
            server=known.host,
            ca_path=known.ssl_ca_cert,
            token=str(token).split()[-1] if token else None,
            certificate_path=known.cert_file,
            private_key_path=known.key_file,
            proxy_url=known.proxy,
        )


def _is_left(meta: Mapping[str, Any]) -> bool:
    """A pod that nothing holds is answered as one that goes, although it is gone."""
    held = meta.get("deletionGracePeriodSeconds") or meta.get("finalizers")
    return "deletionTimestamp" in meta and bool(held)


_TIMEOUT = aiohttp.ClientTimeout(total=REQUEST_TIMEOUT_S)


@asynccontextmanager
async def connected(metrics: Metrics, kubeconfig: str | None = None) -> AsyncIterator[Kube]:
    """To the cluster of that file, through its `proxy-url` or as the environment says; else to the
    one that this pod runs in, directly. Raises `BadSettings`."""
    configuration = Configuration()
    try:
        if kubeconfig is None:
            load_incluster_config(client_configuration=configuration)
        else:
            await load_kube_config(kubeconfig, client_configuration=configuration)
            configuration.proxy = configuration.proxy or _proxy_to(configuration.host)
    except ConfigException as error:
        raise BadSettings(f"no cluster: {error}") from error
    configuration.connection_pool_maxsize = CONNECTIONS
    # aiohttp would look for the proxy, and into ~/.netrc, in a thread at each request.
    configuration.client_session_kwargs = {"trust_env": False}
    async with ApiClient(configuration) as client:
        yield Kube(client, metrics)


def _proxy_to(server: str) -> str | None:
    """Raises `BadSettings`."""
    try:
        proxy = proxy_for(server)
    except ProxyUnusable as error:
        raise BadSettings(str(error)) from error
    return proxy.url if proxy else None


def path_of(key: Key) -> str:
    return f"{_collection(key.kind, key.namespace)}/{key.name}"


def _collection(kind: str, namespace: str | None) -> str:
    prefix, plural = PATHS[kind]
    inside = f"namespaces/{namespace}/" if namespace else ""
    return f"/{prefix}/{inside}{plural}"


def _checked(status: int, text: bytes) -> Object:
    try:
        value = json.loads(text) if text else {}
    except ValueError:
        value = {"message": text[:300].decode(errors="replace")}
    if status >= 400:
        reason, message = value.get("reason", ""), value.get("message", "")
        raise api_error(status, str(reason), str(message)[:2000])
    found: Object = value
    return found
