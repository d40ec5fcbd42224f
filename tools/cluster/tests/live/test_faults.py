from __future__ import annotations

import subprocess

import kubernetes.client
import pytest

from e2e import pods
from e2e.target import Target
from e2e.waiting import ask_until, is_ready, objects, wait_for
from tools.cluster import __main__ as command
from tools.cluster import cluster, control_plane
from tools.cluster.places import Node
from tools.cluster.shell import run

SERVERS = pods.service("servers", {"role": "server"})


def servers_on_both_nodes(target: Target, namespace: str) -> None:
    """Two pods behind a Service, and a client on node-1."""
    servers = [
        pods.server(target, f"server-{n}", node=f"node-{n}", labels={"role": "server"})
        for n in (1, 2)
    ]
    target.create(namespace, SERVERS)
    pods.run(target, namespace, *servers, pods.asleep(target, "client", node="node-1"))
    wait_for_endpoints(namespace, {"server-1", "server-2"})
    pods.wait_reachable(target, namespace, "client", url_of(namespace))


def url_of(namespace: str) -> str:
    return f"http://servers.{namespace}.svc:8080"


def wait_for_endpoints(namespace: str, names: set[str]) -> None:
    slices = kubernetes.client.DiscoveryV1Api().list_namespaced_endpoint_slice
    wait_for(slices, lambda found: pods.ready_addresses(found) == names, namespace)


def wait_for_node(name: str, ready: bool) -> None:
    nodes = kubernetes.client.CoreV1Api().list_node
    wait_for(nodes, lambda found: is_ready(found[0]) == ready, name=name)


def cluster_command(*words: str) -> None:
    assert command.main(words) == 0


def test_a_node_s_death_moves_its_endpoints_away_and_it_comes_back(
    own_cluster: Target, namespace: str
) -> None:
    servers_on_both_nodes(own_cluster, namespace)
    cluster_command("node", "kill", "node-2")
    wait_for_endpoints(namespace, {"server-1"})
    pods.wait_reachable(own_cluster, namespace, "client", url_of(namespace))
    answers = {pods.get(own_cluster, namespace, "client", url_of(namespace)) for _ in range(10)}
    assert answers == {"server-1"}
    cluster_command("node", "add", "node-2")
    wait_for_endpoints(namespace, {"server-1", "server-2"})


def test_a_frozen_kubelet_makes_its_node_not_ready(own_cluster: Target, namespace: str) -> None:
    cluster_command("node", "stop-kubelet", "node-2")
    wait_for_node("node-2", ready=False)
    cluster_command("node", "resume-kubelet", "node-2")
    wait_for_node("node-2", ready=True)


def test_a_node_whose_cable_is_pulled_is_not_ready(own_cluster: Target, namespace: str) -> None:
    servers_on_both_nodes(own_cluster, namespace)
    address = pods.address_of(namespace, "server-2")
    cluster_command("node", "cut", "node-2")
    with pytest.raises(subprocess.CalledProcessError):
        pods.get(own_cluster, namespace, "client", f"http://{address}:8080", timeout_s=1)
    wait_for_endpoints(namespace, {"server-1"})
    cluster_command("node", "mend", "node-2")
    wait_for_endpoints(namespace, {"server-1", "server-2"})
    assert pods.get(own_cluster, namespace, "client", f"http://{address}:8080") == "server-2"


ASK_AGAIN_AND_AGAIN = """
import sys, urllib.request
for number in range(10**9):
    body = urllib.request.urlopen(sys.argv[1], timeout=5).read().decode()
    if number % 100 == 0:
        print(number, body, flush=True)
"""
"""Ends, and its pod with it, at the first request that fails."""


@pytest.mark.parametrize("component", ["kube-apiserver", "etcd"])
def test_pods_serve_while_the_control_plane_restarts_under_them(
    own_cluster: Target, namespace: str, component: str
) -> None:
    servers_on_both_nodes(own_cluster, namespace)
    asking = ["python3", "-c", ASK_AGAIN_AND_AGAIN, url_of(namespace)]
    pods.run(own_cluster, namespace, pods.pod(own_cluster, "asking", asking))
    before = {p["metadata"]["uid"] for p in pods_of(namespace)}
    answered = answers(own_cluster, namespace)
    cluster_command("component", "restart", component)
    wait_for_endpoints(namespace, {"server-1", "server-2"})
    ask_until(lambda: answers(own_cluster, namespace), lambda count: count > answered)
    found = pods_of(namespace)
    assert {p["metadata"]["uid"] for p in found} == before
    assert {s["restartCount"] for p in found for s in p["status"]["containerStatuses"]} == {0}


def answers(target: Target, namespace: str) -> int:
    return len(target.kubectl("logs", "-n", namespace, "asking").splitlines())


@pytest.mark.parametrize("component", ["kube-apiserver", "etcd"])
def test_a_frozen_control_plane_answers_again_when_it_goes_on(
    own_cluster: Target, namespace: str, component: str
) -> None:
    note = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "note"}}
    cluster_command("component", "pause", component)
    with pytest.raises(subprocess.CalledProcessError):
        own_cluster.kubectl("create", "configmap", "-n", namespace, "no", "--request-timeout=1s")
    cluster_command("component", "resume", component)
    ask_until(control_plane.is_ready, bool)
    own_cluster.create(namespace, note)
    assert "note" in own_cluster.kubectl("get", "configmaps", "-n", namespace)


def test_a_third_node_takes_pods_and_goes_without_a_trace(
    own_cluster: Target, namespace: str
) -> None:
    cluster_command("node", "add", "node-3")
    pods.run(own_cluster, namespace, pods.server(own_cluster, "server", node="node-3"))
    pods.run(own_cluster, namespace, pods.asleep(own_cluster, "client", node="node-1"))
    url = f"http://{pods.address_of(namespace, 'server')}:8080"
    assert pods.get(own_cluster, namespace, "client", url) == "server"
    own_cluster.kubectl("delete", "pod", "-n", namespace, "server", "client")
    cluster_command("node", "remove", "node-3")
    assert "node-3" not in own_cluster.kubectl("get", "nodes")
    assert [thing for thing in cluster.left() if "node-3" in thing] == []
    assert Node.named("node-3").pods not in run("ip", "route")


def test_a_slow_link_is_slow(own_cluster: Target, namespace: str) -> None:
    """400 kB at 800 kbit/s take more than 3 s; at full speed milliseconds, on an idle machine."""
    size = 400_000
    serve = pods.SERVER.replace('os.environ["HOSTNAME"].encode()', f"b'x' * {size}")
    far = pods.server(own_cluster, "far", node="node-2")
    far["spec"]["containers"][0]["command"] = ["python3", "-c", serve]
    pods.run(own_cluster, namespace, far, pods.asleep(own_cluster, "client", node="node-1"))
    url = f"http://{pods.address_of(namespace, 'far')}:8080"
    measure = (
        "import sys, time, urllib.request;"
        "begun = time.monotonic();"
        "body = urllib.request.urlopen(sys.argv[1], timeout=60).read();"
        "print(len(body), time.monotonic() - begun)"
    )
    words = ("exec", "-n", namespace, "client", "--", "python3", "-c", measure, url)
    cluster_command("node", "slow", "node-2", "800")
    received, slow_s = own_cluster.kubectl(*words).split()
    assert int(received) == size
    assert float(slow_s) > 3.0
    cluster_command("node", "slow", "node-2", "0")
    _, fast_s = own_cluster.kubectl(*words).split()
    assert float(fast_s) < float(slow_s) / 2


def test_a_component_that_died_is_named(
    own_cluster: Target, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster_command("component", "stop", "kube-scheduler")
    assert command.main(["status"]) == 1
    assert "ended: kube-scheduler of control-plane" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("node kill node-7", "there is no node node-7; present: node-1, node-2"),
        ("node kill no-such-node", "no-such-node is no node: nodes are called node-1 to node-100"),
        ("component pause kwok", "kwok was not started; present: agent, coredns, etcd, "),
    ],
)
def test_what_is_not_there_is_an_error(
    own_cluster: Target, words: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(words.split()) == 1
    assert told in capsys.readouterr().err


def test_what_is_off_or_dead_is_named_with_what_switches_it_on(
    own_cluster: Target, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster_command("node", "kill", "node-2")
    for words in ("cut", "mend", "stop-kubelet", "resume-kubelet"):
        assert command.main(["node", words, "node-2"]) == 1
    assert command.main(["node", "slow", "node-2", "100"]) == 1
    told = "cluster: node-2 is off; `node add node-2` switches it on\n"
    assert capsys.readouterr().err == 5 * told
    cluster_command("component", "stop", "coredns")
    for words in ("pause", "resume", "stop"):
        assert command.main(["component", words, "coredns"]) == 1
    told = "cluster: coredns does not run; `component restart coredns` starts it\n"
    assert capsys.readouterr().err == 3 * told
    cluster_command("component", "restart", "coredns")


def pods_of(namespace: str) -> list[pods.Manifest]:
    return objects(kubernetes.client.CoreV1Api().list_namespaced_pod, namespace)
