from __future__ import annotations

import kubernetes.client

from e2e import pods
from e2e.target import Target
from e2e.waiting import is_ready, wait_for
from tools.cluster import simulated

NODES, PODS = 50, 500


def test_simulated_nodes_take_hundreds_of_pods(own_cluster: Target, namespace: str) -> None:
    simulated.set_nodes(NODES)
    template = pods.asleep(own_cluster, "many")
    template["spec"]["tolerations"] = [{"key": simulated.TAINT["key"], "operator": "Exists"}]
    template["spec"]["nodeSelector"] = {simulated.LABEL: "true"}
    own_cluster.create(
        namespace,
        {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {"name": "many"},
            "spec": {
                "replicas": PODS,
                "selector": {"matchLabels": {"app": "many"}},
                "template": {"metadata": template["metadata"], "spec": template["spec"]},
            },
        },
    )
    core = kubernetes.client.CoreV1Api()
    wait_for(
        core.list_namespaced_pod,
        lambda found: len([p for p in found if is_ready(p)]) == PODS,
        namespace,
    )
    own_cluster.kubectl("delete", "replicaset", "-n", namespace, "many")
    wait_for(core.list_namespaced_pod, lambda found: not found, namespace)
    simulated.set_nodes(0)
    assert "simulated" not in own_cluster.kubectl("get", "nodes")
