from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import kubernetes.client
import pytest

from e2e import pods
from e2e.target import Target
from e2e.waiting import ask_until, is_ready, is_true, objects, wait_for
from tools.cluster import __main__ as command


def test_two_nodes_are_ready(cluster: Target) -> None:
    nodes = objects(kubernetes.client.CoreV1Api().list_node)
    if not cluster.ours and len(nodes) == 1:
        pytest.skip("the cluster of KUBECONFIG has one node")
    assert len([node for node in nodes if is_ready(node)]) >= 2


def test_a_service_reaches_pods_on_both_nodes_by_name(own_cluster: Target, namespace: str) -> None:
    servers = [
        pods.server(own_cluster, f"server-{n}", node=f"node-{n}", labels={"role": "server"})
        for n in (1, 2)
    ]
    own_cluster.create(namespace, pods.service("servers", {"role": "server"}))
    pods.run(own_cluster, namespace, *servers, pods.asleep(own_cluster, "client", node="node-1"))
    slices = kubernetes.client.DiscoveryV1Api().list_namespaced_endpoint_slice
    wait_for(slices, lambda found: len(pods.ready_addresses(found)) == 2, namespace)
    url = f"http://servers.{namespace}.svc.cluster.local:8080"
    pods.wait_reachable(own_cluster, namespace, "client", url)
    answers = {pods.get(own_cluster, namespace, "client", url) for _ in range(40)}
    assert answers == {"server-1", "server-2"}


def test_logs_and_exec_work(cluster: Target, namespace: str) -> None:
    talk = "import signal; print('hello from the pod', flush=True); signal.pause()"
    pods.run(cluster, namespace, pods.pod(cluster, "talker", ["python3", "-c", talk]))
    assert pods.first_line(cluster, namespace, "talker") == "hello from the pod"
    said = cluster.kubectl("exec", "-n", namespace, "talker", "--", "cat", "/etc/hostname")
    assert said == "talker\n"


def test_a_pod_reaches_the_api_server_by_its_name(cluster: Target, namespace: str) -> None:
    pods.run(cluster, namespace, pods.asleep(cluster, "client"))
    ask = (
        "import ssl, urllib.request;"
        "tls = ssl._create_unverified_context();"
        "url = 'https://kubernetes.default.svc/version';"
        "print(urllib.request.urlopen(url, context=tls).status)"
    )
    said = cluster.kubectl("exec", "-n", namespace, "client", "--", "python3", "-c", ask)
    assert said == "200\n"


def test_a_pod_waits_until_there_is_a_gpu(own_cluster: Target, namespace: str) -> None:
    core = kubernetes.client.CoreV1Api()
    own_cluster.create(
        namespace, pods.asleep(own_cluster, "trainer", requests={"nvidia.com/gpu": "1"})
    )

    def is_unschedulable(found: list[pods.Manifest]) -> bool:
        conditions = [c for pod in found for c in pod["status"].get("conditions") or ()]
        return any(c.get("reason") == "Unschedulable" for c in conditions)

    wait_for(core.list_namespaced_pod, is_unschedulable, namespace)
    assert command.main(["node", "gpus", "node-2", "1"]) == 0
    (pod,) = wait_for(core.list_namespaced_pod, lambda found: is_ready(found[0]), namespace)
    assert pod["spec"]["nodeName"] == "node-2"
    core.delete_namespaced_pod("trainer", namespace)
    assert command.main(["node", "gpus", "node-2", "0"]) == 0


def claim(mode: str) -> dict[str, Any]:
    """Of the default StorageClass."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "cache"},
        "spec": {"accessModes": [mode], "resources": {"requests": {"storage": "1Mi"}}},
    }


def user_of_the_claim(target: Target, name: str, node: str | None = None) -> pods.Manifest:
    """A pod that mounts the claim's volume, as somebody who owns nothing in it."""
    mounts = [{"name": "cache", "mountPath": "/cache"}]
    manifest = pods.asleep(target, name, node=node, volumeMounts=mounts)
    spec = manifest["spec"]
    spec["securityContext"] |= {"runAsUser": 12345, "fsGroup": 12345}
    spec["volumes"].append({"name": "cache", "persistentVolumeClaim": {"claimName": "cache"}})
    return manifest


def shares_a_file(target: Target, namespace: str) -> None:
    in_writer, in_reader = (("exec", "-n", namespace, n, "--") for n in ("writer", "reader"))
    target.kubectl(*in_writer, "sh", "-c", "echo weights > /cache/file")
    assert target.kubectl(*in_reader, "cat", "/cache/file") == "weights\n"


def test_a_volume_is_made_and_pods_of_a_node_share_it(cluster: Target, namespace: str) -> None:
    """ReadWriteOnce, which every provisioner has; its volume keeps the pods on one node."""
    cluster.create(namespace, claim("ReadWriteOnce"))
    pods.run(cluster, namespace, user_of_the_claim(cluster, "writer"))
    writer = pods.named(namespace, "writer")
    reader = user_of_the_claim(cluster, "reader", node=writer["spec"]["nodeName"])
    pods.run(cluster, namespace, reader)
    shares_a_file(cluster, namespace)


def test_a_volume_is_shared_between_nodes_and_goes_with_its_claim(
    own_cluster: Target, namespace: str
) -> None:
    own_cluster.create(namespace, claim("ReadWriteMany"))
    users = [
        user_of_the_claim(own_cluster, name, node)
        for name, node in (("writer", "node-1"), ("reader", "node-2"))
    ]
    pods.run(own_cluster, namespace, *users)
    shares_a_file(own_cluster, namespace)
    list_volumes = kubernetes.client.CoreV1Api().list_persistent_volume
    (volume,) = (
        v for v in objects(list_volumes) if v["spec"]["claimRef"]["namespace"] == namespace
    )
    folder = Path(volume["spec"]["hostPath"]["path"])
    assert (folder / "file").read_text() == "weights\n"
    own_cluster.kubectl("delete", "pod/writer", "pod/reader", "pvc/cache", "-n", namespace)
    wait_for(list_volumes, lambda found: not found, name=volume["metadata"]["name"])
    assert not folder.exists()


def test_kubectl_top_tells_what_nodes_use(own_cluster: Target) -> None:
    services = kubernetes.client.ApiregistrationV1Api().list_api_service
    available = is_true("Available")
    wait_for(services, lambda found: available(found[0]), name="v1beta1.metrics.k8s.io")
    metrics = kubernetes.client.CustomObjectsApi().list_cluster_custom_object

    def used() -> dict[str, Any]:
        listed: Any = metrics("metrics.k8s.io", "v1beta1", "nodes")
        return {node["metadata"]["name"]: node["usage"] for node in listed["items"]}

    found = ask_until(used, lambda usage: usage.keys() == {"node-1", "node-2"})
    assert all(usage["memory"].endswith("Ki") for usage in found.values())


def test_an_eviction_respects_a_budget(own_cluster: Target, namespace: str) -> None:
    pods.run(own_cluster, namespace, pods.asleep(own_cluster, "precious"))
    policy = kubernetes.client.PolicyV1Api()
    budget = {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "precious"},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "precious"}}},
    }
    own_cluster.create(namespace, budget)
    wait_for(
        policy.list_namespaced_pod_disruption_budget,
        lambda found: (found[0].get("status") or {}).get("currentHealthy") == 1,
        namespace,
    )
    assert command.main(["node", "evict", namespace, "precious"]) == 1
    policy.delete_namespaced_pod_disruption_budget("precious", namespace)
    wait_for(policy.list_namespaced_pod_disruption_budget, lambda found: not found, namespace)
    assert command.main(["node", "evict", namespace, "precious"]) == 0
    core = kubernetes.client.CoreV1Api()
    wait_for(core.list_namespaced_pod, lambda found: not found, namespace)


def test_a_cordoned_node_takes_no_pods(own_cluster: Target, namespace: str) -> None:
    assert command.main(["node", "cordon", "node-1"]) == 0
    many = [pods.asleep(own_cluster, f"pod-{n}") for n in range(4)]
    pods.run(own_cluster, namespace, *many)
    found = objects(kubernetes.client.CoreV1Api().list_namespaced_pod, namespace)
    assert {pod["spec"]["nodeName"] for pod in found} == {"node-2"}
    assert command.main(["node", "uncordon", "node-1"]) == 0


def test_a_pod_that_pod_security_forbids_is_refused(cluster: Target, namespace: str) -> None:
    forbidden = pods.asleep(cluster, "root")
    del forbidden["spec"]["securityContext"]
    with pytest.raises(subprocess.CalledProcessError) as refused:
        pods.run(cluster, namespace, forbidden)
    assert b"restricted" in refused.value.stderr


def test_the_status_names_what_runs(
    own_cluster: Target, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["status"]) == 0
    said = capsys.readouterr().out
    assert "node-1 Ready" in said
    assert "kube-apiserver           runs" in said


def test_the_environment_makes_kubectl_and_helm_work(own_cluster: Target) -> None:
    for program in (["kubectl", "get", "nodes"], ["helm", "list", "-A"]):
        subprocess.run(program, env=own_cluster.environment(), check=True, capture_output=True)
