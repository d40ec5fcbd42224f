from __future__ import annotations

import subprocess
from typing import Any

import kubernetes.client
import pytest

from e2e import pods
from e2e.target import Target
from e2e.waiting import ask_until

QUICK_S = 2.0


def policy(name: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name},
        "spec": spec,
    }


def reaches(target: Target, namespace: str, client: str, address: str) -> bool:
    try:
        pods.get(target, namespace, client, f"http://{address}:8080", QUICK_S)
    except subprocess.CalledProcessError as error:
        if b"timed out" not in error.stderr:
            raise
        return False
    return True


def eventually(target: Target, namespace: str, client: str, address: str, wanted: bool) -> None:
    """Policies take effect a moment after they are made."""
    ask_until(lambda: reaches(target, namespace, client, address), lambda got: got == wanted)


@pytest.mark.parametrize("client_node", ["node-1", "node-2"])
def test_only_the_pods_that_a_policy_names_get_through(
    own_cluster: Target, namespace: str, client_node: str
) -> None:
    pods.run(
        own_cluster,
        namespace,
        pods.server(own_cluster, "server", node="node-1"),
        pods.asleep(own_cluster, "friend", node=client_node, labels={"role": "friend"}),
        pods.asleep(own_cluster, "stranger", node=client_node),
    )
    address = pods.address_of(namespace, "server")
    assert reaches(own_cluster, namespace, "stranger", address)
    friends = {"podSelector": {"matchLabels": {"role": "friend"}}}
    api = kubernetes.client.NetworkingV1Api()
    own_cluster.create(
        namespace,
        policy(
            "friends",
            podSelector={"matchLabels": {"app": "server"}},
            ingress=[{"from": [friends], "ports": [{"port": "http"}]}],
        ),
    )
    eventually(own_cluster, namespace, "stranger", address, wanted=False)
    assert reaches(own_cluster, namespace, "friend", address)
    own_cluster.create(
        namespace,
        policy(
            "nowhere",
            podSelector={"matchLabels": {"app": "friend"}},
            policyTypes=["Egress"],
        ),
    )
    eventually(own_cluster, namespace, "friend", address, wanted=False)
    for name in ("friends", "nowhere"):
        api.delete_namespaced_network_policy(name, namespace)
    eventually(own_cluster, namespace, "friend", address, wanted=True)
    eventually(own_cluster, namespace, "stranger", address, wanted=True)
