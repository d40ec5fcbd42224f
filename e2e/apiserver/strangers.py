"""Objects of others under the names of ours."""

from __future__ import annotations

from typing import Any

from matinee_operator.clients.kube import Kube
from matinee_operator.objects import Key

_RBAC = "rbac.authorization.k8s.io"
_POD = {"containers": [{"name": "x", "image": "x"}]}
_BODIES: dict[str, dict[str, Any]] = {
    "ConfigMap": {"apiVersion": "v1", "data": {"theirs": "yes"}},
    "Deployment": {
        "apiVersion": "apps/v1",
        "spec": {
            "selector": {"matchLabels": {"a": "theirs"}},
            "template": {"metadata": {"labels": {"a": "theirs"}}, "spec": _POD},
        },
    },
    "HTTPRoute": {"apiVersion": "gateway.networking.k8s.io/v1", "spec": {}},
    "Ingress": {
        "apiVersion": "networking.k8s.io/v1",
        "spec": {"defaultBackend": {"service": {"name": "theirs", "port": {"number": 1}}}},
    },
    "Job": {
        "apiVersion": "batch/v1",
        "spec": {"template": {"spec": {**_POD, "restartPolicy": "Never"}}},
    },
    "NetworkPolicy": {"apiVersion": "networking.k8s.io/v1", "spec": {"podSelector": {}}},
    "PersistentVolumeClaim": {
        "apiVersion": "v1",
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Mi"}},
        },
    },
    "Pod": {"apiVersion": "v1", "spec": _POD},
    "PodDisruptionBudget": {"apiVersion": "policy/v1", "spec": {"minAvailable": 1}},
    "PodMonitor": {"apiVersion": "monitoring.coreos.com/v1", "spec": {}},
    "Role": {"apiVersion": f"{_RBAC}/v1", "rules": []},
    "RoleBinding": {
        "apiVersion": f"{_RBAC}/v1",
        "roleRef": {"apiGroup": _RBAC, "kind": "Role", "name": "theirs"},
    },
    "Service": {"apiVersion": "v1", "spec": {"ports": [{"port": 1}]}},
    "ServiceAccount": {"apiVersion": "v1"},
}
_CONTROLLER = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "name": "theirs",
    "uid": "0e6ff5ae-0000-4000-8000-000000000000",
    "controller": True,
}
CONTROLLED: dict[str, Any] = {"ownerReferences": [_CONTROLLER]}


async def remove(kube: Kube, key: Key) -> None:
    """Also one that a finalizer holds, such as a claim, for there are no controllers."""
    for found in await kube.list(key.kind, key.namespace):
        if found["metadata"]["name"] == key.name:
            await kube.merge(key, {"metadata": {"finalizers": None}})
            await kube.delete(key, found["metadata"]["uid"])


async def take(kube: Kube, key: Key, **meta: Any) -> None:
    """Delete what has the name, if anything has, and make an object of somebody else's there."""
    await remove(kube, key)
    named = {"name": key.name, "namespace": key.namespace, **meta}
    await kube.create({**_BODIES[key.kind], "kind": key.kind, "metadata": named})
