"""Certificates of one cluster: an authority, and a certificate for everyone who speaks TLS."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import trustme
import yaml

from tools.cluster.places import (
    API_PORT,
    API_SERVICE,
    CONTROL_PLANE_ADDRESS,
    DOMAIN,
    Node,
    certificate,
    kubeconfig,
    private_key,
)

ADMINS, NODES = "system:masters", "system:nodes"
USERS = {
    "admin": ("admin", ADMINS),
    "kube-controller-manager": ("system:kube-controller-manager", None),
    "kube-scheduler": ("system:kube-scheduler", None),
    "kube-proxy": ("system:kube-proxy", None),
}
"""Name of the kubeconfig -> user and group."""
API_NAMES = (
    *(CONTROL_PLANE_ADDRESS, API_SERVICE, "127.0.0.1", "localhost"),
    *("kubernetes", "kubernetes.default", "kubernetes.default.svc"),
    f"kubernetes.default.svc.{DOMAIN}",
)
SERVER = f"https://{CONTROL_PLANE_ADDRESS}:{API_PORT}"


def make_authority() -> None:
    """The cluster's authority, its servers' certificates and its users' kubeconfigs, once. The
    authority's key is written last: where it is, all is there."""
    if private_key("ca").exists():
        return
    authority = trustme.CA()
    _write(certificate("ca"), authority.cert_pem.bytes())
    _issue(authority, "kube-apiserver", "kube-apiserver", API_NAMES)
    _issue(authority, "service-accounts", "service-accounts")
    _issue(authority, "kubelet-client", "kube-apiserver", group=ADMINS)
    # The authority of the API server as a proxy for other API servers (metrics).
    _issue(authority, "front-proxy", "front-proxy")
    for name, (user, group) in USERS.items():
        _issue(authority, name, user, group=group)
        write_kubeconfig(name)
    _write(private_key("ca"), authority.private_key_pem.bytes())


def make_node(node: Node) -> None:
    """A kubelet's certificates, as a server and as a user."""
    authority = trustme.CA.from_pem(certificate("ca").read_bytes(), private_key("ca").read_bytes())
    user = f"system:node:{node.name}"
    _issue(authority, node.name, user, (node.address,), NODES)
    write_kubeconfig(node.name)


def write_kubeconfig(name: str) -> None:
    """With the certificates inside: the file works from anywhere."""
    text = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "matinee",
        "contexts": [{"name": "matinee", "context": {"cluster": "matinee", "user": name}}],
        "clusters": [
            {
                "name": "matinee",
                "cluster": {
                    "server": SERVER,
                    "certificate-authority-data": _base64(certificate("ca")),
                },
            }
        ],
        "users": [
            {
                "name": name,
                "user": {
                    "client-certificate-data": _base64(certificate(name)),
                    "client-key-data": _base64(private_key(name)),
                },
            }
        ],
    }
    _write(kubeconfig(name), yaml.safe_dump(text, sort_keys=False).encode())


def _issue(
    authority: trustme.CA,
    name: str,
    user: str,
    hosts: tuple[str, ...] = (),
    group: str | None = None,
) -> None:
    issued = authority.issue_cert(name, *hosts, common_name=user, organization_name=group)
    _write(certificate(name), b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    _write(private_key(name), issued.private_key_pem.bytes())


def _base64(file: Path) -> str:
    return base64.b64encode(file.read_bytes()).decode()


def _write(file: Path, content: bytes) -> None:
    """For the owner's eyes only."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as opened:
        opened.write(content)
