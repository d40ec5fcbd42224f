"""etcd, the API server and what belongs to it, in a namespace of their own.

They outlive every node, so a test can kill any node.
"""

from __future__ import annotations

import json
import ssl
import sys
import urllib.error
import urllib.request
from pathlib import Path

from tools.cluster import binaries, components, pki
from tools.cluster.components import Component, wait_until
from tools.cluster.places import (
    API_PORT,
    CONTROL_PLANE,
    CONTROL_PLANE_ADDRESS,
    DOMAIN,
    HERE,
    ROOT,
    SERVICES,
    STATE,
    certificate,
    kubeconfig,
    private_key,
)
from tools.cluster.shell import run, write

ETCD = "http://127.0.0.1:2379"
METRICS_PORT = 4443
NODE_GRACE_S = 20
"""A node that is silent for this long is NotReady. Kubernetes waits 40 s; tests cannot."""


def _component(name: str, *flags: str) -> Component:
    return Component(CONTROL_PLANE, name, [binaries.path_of(name), *flags])


def etcd() -> Component:
    return _component(
        "etcd",
        f"--data-dir={STATE / 'etcd'}",
        "--unsafe-no-fsync",  # a test cluster does not outlive its machine
        f"--listen-client-urls={ETCD}",
        f"--advertise-client-urls={ETCD}",
        "--listen-peer-urls=http://127.0.0.1:2380",
        "--log-level=warn",
    )


def api_server() -> Component:
    return _component(
        "kube-apiserver",
        f"--etcd-servers={ETCD}",
        f"--advertise-address={CONTROL_PLANE_ADDRESS}",
        f"--secure-port={API_PORT}",
        f"--service-cluster-ip-range={SERVICES}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged",
        f"--client-ca-file={certificate('ca')}",
        f"--tls-cert-file={certificate('kube-apiserver')}",
        f"--tls-private-key-file={private_key('kube-apiserver')}",
        f"--service-account-issuer=https://kubernetes.default.svc.{DOMAIN}",
        f"--service-account-key-file={certificate('service-accounts')}",
        f"--service-account-signing-key-file={private_key('service-accounts')}",
        f"--kubelet-certificate-authority={certificate('ca')}",
        f"--kubelet-client-certificate={certificate('kubelet-client')}",
        f"--kubelet-client-key={private_key('kubelet-client')}",
        "--kubelet-preferred-address-types=InternalIP",  # nobody resolves the nodes' names
        "--enable-aggregator-routing",  # there is no kube-proxy beside it
        f"--requestheader-client-ca-file={certificate('ca')}",
        "--requestheader-allowed-names=front-proxy",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        f"--proxy-client-cert-file={certificate('front-proxy')}",
        f"--proxy-client-key-file={private_key('front-proxy')}",
    )


def controller_manager() -> Component:
    return _component(
        "kube-controller-manager",
        f"--kubeconfig={kubeconfig('kube-controller-manager')}",
        "--use-service-account-credentials",
        f"--service-account-private-key-file={private_key('service-accounts')}",
        f"--root-ca-file={certificate('ca')}",
        f"--cluster-signing-cert-file={certificate('ca')}",
        f"--cluster-signing-key-file={private_key('ca')}",
        "--leader-elect=false",
        f"--node-monitor-grace-period={NODE_GRACE_S}s",
    )


def scheduler() -> Component:
    return _component(
        "kube-scheduler",
        f"--kubeconfig={kubeconfig('kube-scheduler')}",
        "--leader-elect=false",
    )


def dns() -> Component:
    """As a process beside the API server, so that names survive the death of any node."""
    corefile = STATE / "Corefile"
    write(
        corefile,
        ".:53 {\n"
        "  errors\n"
        "  ready 127.0.0.1:8181\n"
        f"  kubernetes {DOMAIN} in-addr.arpa {{\n"
        f"    kubeconfig {kubeconfig()} matinee\n"
        "    ttl 1\n"
        "  }\n"
        "  cache 1\n"
        "}\n",
    )
    return _component("coredns", "-conf", str(corefile))


def metrics() -> Component:
    """The resource metrics that `kubectl top` and a HorizontalPodAutoscaler read."""
    return _component(
        "metrics-server",
        *(
            f"--{user}kubeconfig={kubeconfig()}"
            for user in ("", "authentication-", "authorization-")
        ),
        f"--secure-port={METRICS_PORT}",
        f"--cert-dir={STATE / 'pki' / 'metrics-server'}",
        f"--kubelet-certificate-authority={certificate('ca')}",
        "--kubelet-preferred-address-types=InternalIP",
        "--kubelet-request-timeout=5s",
        "--metric-resolution=10s",
    )


def kwok() -> Component:
    """Plays the kubelet of simulated nodes."""
    return _component(
        "kwok",
        f"--kubeconfig={kubeconfig()}",
        f"--config={HERE / 'simulated.yaml'}",
        "--manage-all-nodes=false",
        "--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake",
        "--node-lease-duration-seconds=40",
        "--cidr=198.18.128.0/18",
        f"--node-ip={CONTROL_PLANE_ADDRESS}",
    )


def agent() -> Component:
    """Our own part: NetworkPolicies and volumes (agent.py)."""
    return Component(
        CONTROL_PLANE,
        "agent",
        [sys.executable, "-P", "-m", "tools.cluster.agent"],
        {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
    )


COMPONENTS = {
    "etcd": etcd,
    "kube-apiserver": api_server,
    "kube-controller-manager": controller_manager,
    "kube-scheduler": scheduler,
    "coredns": dns,
    "metrics-server": metrics,
    "agent": agent,
    "kwok": kwok,
}
"""In the order in which they start. kwok is started on demand."""


def start() -> None:
    """All but the simulator, each as soon as what it needs is there; what runs is left alone."""
    pki.make_authority()
    first, second = etcd(), api_server()
    components.start(first)
    components.start(second)
    wait_until(is_ready, "the API server is ready", first, second)
    wait_until(_serves_kube_system, "the namespace kube-system is made", second)
    run(
        binaries.path_of("kubectl"),
        f"--kubeconfig={kubeconfig()}",
        *("apply", "--server-side", "-f", HERE / "manifests"),
    )
    for make in (controller_manager, scheduler, dns, metrics, agent):
        components.start(make())


def restart(owner: str, name: str) -> None:
    """Kill a component and start it again; returns when the API server is ready, if it can be."""
    components.stop(owner, name)
    component = COMPONENTS[name]()
    components.start(component)
    if components.runs(CONTROL_PLANE, "etcd") and components.runs(CONTROL_PLANE, "kube-apiserver"):
        wait_until(is_ready, "the API server is ready", component)


def is_ready() -> bool:
    return _ask("/readyz") == "ok"


def _serves_kube_system() -> bool:
    return _ask("/api/v1/namespaces/kube-system") is not None


def _ask(path: str) -> str | None:
    """What the API server answers an administrator; None when it does not, or not with 200."""
    try:
        url = pki.SERVER + path
        with urllib.request.urlopen(url, context=_tls(), timeout=5) as answer:  # noqa: S310 - https
            return str(answer.read().decode())
    except (OSError, urllib.error.URLError):
        return None


def _tls() -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(certificate("ca")))
    context.load_cert_chain(certificate("admin"), private_key("admin"))
    return context


def ready_nodes() -> set[str]:
    """Names of the nodes that are Ready."""
    answer = _ask("/api/v1/nodes")
    items = json.loads(answer)["items"] if answer else []
    return {
        node["metadata"]["name"]
        for node in items
        for condition in node.get("status", {}).get("conditions", [])
        if condition["type"] == "Ready" and condition["status"] == "True"
    }


def kubectl(*words: str | Path, stdin: str | None = None) -> str:
    """What kubectl prints, as an administrator."""
    program = binaries.path_of("kubectl")
    return run(program, f"--kubeconfig={kubeconfig()}", *words, stdin=stdin)
