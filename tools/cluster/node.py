"""A node: containerd, a kubelet and kube-proxy in a network namespace, and what can befall them."""

from __future__ import annotations

import contextlib
import json
import shutil
from pathlib import Path

import yaml

from tools.cluster import binaries, cgroups, components, control_plane, mounts, network, pki
from tools.cluster import containerd as runtime
from tools.cluster.components import Component, group_of, wait_until
from tools.cluster.places import (
    DNS_SERVICE,
    DOMAIN,
    PODS,
    Node,
    certificate,
    kubeconfig,
    nodes,
    private_key,
)
from tools.cluster.shell import ClusterError, succeeds, write

GPU = "nvidia.com/gpu"


def containerd(node: Node) -> Component:
    return runtime.component(node.name, "containerd", node.folder, cni(node))


def cni(node: Node) -> Path:
    """Pods are routed, not bridged: a Service then works from a pod to a pod of the same node."""
    folder = node.folder / "cni"
    folder.mkdir(parents=True, exist_ok=True)
    plugins = [
        {
            "type": "ptp",
            "ipam": {
                "type": "host-local",
                "ranges": [[{"subnet": node.pods}]],
                "routes": [{"dst": "0.0.0.0/0"}],
                "dataDir": str(node.folder / "addresses"),
            },
        },
        {"type": "portmap", "capabilities": {"portMappings": True}},
    ]
    network_list = {"cniVersion": "1.0.0", "name": "pods", "plugins": plugins}
    write(folder / "10-pods.conflist", json.dumps(network_list))
    return folder


def kubelet(node: Node) -> Component:
    file = node.folder / "kubelet.yaml"
    write(file, yaml.safe_dump(_kubelet_settings(node), sort_keys=False))
    return Component(
        node.name,
        "kubelet",
        [
            binaries.path_of("kubelet"),
            f"--config={file}",
            f"--kubeconfig={kubeconfig(node.name)}",
            f"--root-dir={node.folder / 'kubelet'}",
            f"--hostname-override={node.name}",
            f"--node-ip={node.address}",
        ],
    )


def _kubelet_settings(node: Node) -> dict[str, object]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{group_of(node.name)}",
        "enforceNodeAllocatable": [],
        "failSwapOn": False,
        "failCgroupV1": False,
        "resolvConf": "",
        "clusterDNS": [DNS_SERVICE],
        "clusterDomain": DOMAIN,
        "podLogsDir": str(node.folder / "pod-logs"),
        "volumePluginDir": str(node.folder / "volume-plugins"),
        "containerRuntimeEndpoint": f"unix://{runtime.socket_in(node.folder)}",
        "serializeImagePulls": False,
        "imageGCHighThresholdPercent": 100,  # the images cannot be pulled again
        "evictionHard": {"memory.available": "100Mi"},
        "tlsCertFile": str(certificate(node.name)),
        "tlsPrivateKeyFile": str(private_key(node.name)),
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(certificate("ca"))},
        },
        "authorization": {"mode": "Webhook"},
        "nodeStatusUpdateFrequency": "5s",
        "nodeLeaseDurationSeconds": 20,
        "shutdownGracePeriod": "0s",
    }


def kube_proxy(node: Node) -> Component:
    settings = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "hostnameOverride": node.name,
        "clusterCIDR": PODS,
        "conntrack": {"maxPerCore": 0},
        "clientConnection": {"kubeconfig": str(kubeconfig("kube-proxy"))},
        "healthzBindAddress": "127.0.0.1:10256",
        "metricsBindAddress": "127.0.0.1:10249",
    }
    file = node.folder / "kube-proxy.yaml"
    write(file, yaml.safe_dump(settings, sort_keys=False))
    return Component(node.name, "kube-proxy", [binaries.path_of("kube-proxy"), f"--config={file}"])


def add(node: Node) -> None:
    """Make a node, or start a killed one again; returns before it is Ready.

    A killed node comes back as a machine does that was switched off: with its disk, without its
    pods' processes.
    """
    node.folder.mkdir(parents=True, exist_ok=True)
    if not (node.folder / "containerd").exists():
        runtime.copy_template(node.folder)
    if not kubeconfig(node.name).exists():
        pki.make_node(node)
    if not components.runs(node.name, "containerd"):
        network.remove(node.name)  # it may be half made
        network.make_node(node, [other for other in nodes() if other != node])
    cgroups.make_for_kubelet(group_of(node.name))
    for make in (containerd, kubelet, kube_proxy):
        component = make(node)
        components.start(component)
        if make is containerd:
            wait_until(runtime.socket_in(node.folder).exists, "containerd listens", component)


def wait_ready(*wanted: Node) -> None:
    """Until the API server calls them Ready."""
    names = {node.name for node in wanted}
    parts = [make(node) for node in wanted for make in (containerd, kubelet)]
    wait_until(lambda: names <= control_plane.ready_nodes(), f"{', '.join(names)} Ready", *parts)


def kill(node: Node) -> None:
    """As if its power were cut: everything on it ends at the same instant, nobody is told."""
    with contextlib.suppress(ClusterError):
        network.cut(node.name)
    cgroups.kill(group_of(node.name))
    network.remove(node.name)
    mounts.unmount_below(node.folder)
    runtime.socket_in(node.folder).unlink(missing_ok=True)
    runtime.remove_traces(runtime.traces(node.folder))


def remove(node: Node) -> None:
    """Kill it, and forget it: its Node object and its disk go too."""
    kill(node)
    succeeds(
        binaries.path_of("kubectl"),
        f"--kubeconfig={kubeconfig()}",
        *("delete", "node", node.name, "--ignore-not-found", "--wait=false"),
    )
    network.forget(node)
    cgroups.remove(group_of(node.name))
    kubeconfig(node.name).unlink(missing_ok=True)
    if not mounts.below(node.folder):
        shutil.rmtree(node.folder, ignore_errors=True)


def set_gpus(node: Node, count: int) -> None:
    """Let the node have so many GPUs, as a device plugin would say; nothing computes on them."""
    path = f"/status/capacity/{GPU.replace('/', '~1')}"
    patch = [{"op": "add", "path": path, "value": str(count)}]
    control_plane.kubectl(
        *("patch", "node", node.name, "--subresource=status", "--type=json"),
        *("-p", json.dumps(patch)),
    )


def evict(namespace: str, pod: str) -> None:
    """Ask for the pod's eviction, as a drain does: a PodDisruptionBudget may refuse it.

    Raises:
        ClusterError: it was refused; the message holds the API server's reason.
    """
    body = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": pod, "namespace": namespace},
    }
    path = f"/api/v1/namespaces/{namespace}/pods/{pod}/eviction"
    control_plane.kubectl("create", "--raw", path, "-f", "-", stdin=json.dumps(body))
