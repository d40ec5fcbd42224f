"""A real etcd and a real kube-apiserver on loopback, without nodes and controllers: objects, rules,
versions, watches and rights are real, and nothing happens to pods that a test does not do itself.
"""

from __future__ import annotations

import os
import shutil
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.servers.ports import free_port
from tools.cluster.places import BINARIES

NAMES = ("etcd", "kube-apiserver")
AUDIT = "audit.log"
ADMIN, LIMITED = "admin-token", "limited-token"
"""Tokens of a server that lives for one test run, on loopback. `LIMITED` may do what a test binds
to the user `limited`."""
IPV4, IPV6 = "198.19.16.0/20", "fd00:6d61:7469::/112"
"""Of Services: the API server is one of two families."""
AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata", "users": ["limited"]}, {"level": "None"}],
}


@dataclass(frozen=True, slots=True)
class ControlPlane:
    kubeconfig: Path
    limited: Path
    """The same server for the user `limited`."""
    audit: Path
    """What that user asked for: an audit event on each line."""


def missing(*more: str) -> str | None:
    """Why it cannot be started, or what else is asked for."""
    absent = [name for name in (*NAMES, *more) if _binary(name) is None]
    return f"{', '.join(absent)} not found: `make cluster` builds them" if absent else None


@contextmanager
def running(folder: Path) -> Iterator[ControlPlane]:
    etcd, peers, api = (free_port() for _ in range(3))
    with ExitStack() as stack:
        stack.enter_context(process(folder, "etcd", *_etcd_flags(folder, etcd, peers)))
        flags = _api_flags(folder, etcd, api)
        server = stack.enter_context(process(folder, "kube-apiserver", *flags))
        _wait_ready(server, f"https://127.0.0.1:{api}/readyz", folder / "kube-apiserver.log")
        admin, limited = (_kubeconfig(folder, api, token) for token in (ADMIN, LIMITED))
        yield ControlPlane(admin, limited, folder / AUDIT)


def kubeconfig_for(server: ControlPlane, folder: Path, token: str) -> Path:
    """The same server for whoever has this token."""
    content = yaml.safe_load(server.kubeconfig.read_text(encoding="utf-8"))
    content["users"][0]["user"]["token"] = token
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def _etcd_flags(folder: Path, port: int, peers: int) -> list[str]:
    client, peer = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{peers}"
    return [
        "--unsafe-no-fsync",
        f"--data-dir={folder / 'etcd'}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        "--log-level=error",
    ]


def _api_flags(folder: Path, etcd: int, port: int) -> list[str]:
    key = folder / "accounts.pem"
    generate = ["openssl", "genrsa", "-out", str(key), "2048"]
    subprocess.run(generate, check=True, capture_output=True)
    users = f'{ADMIN},admin,1,"system:masters"\n{LIMITED},limited,2\n'
    (folder / "tokens.csv").write_text(users, encoding="utf-8")
    (folder / "audit.yaml").write_text(yaml.safe_dump(AUDIT_POLICY), encoding="utf-8")
    return [
        f"--etcd-servers=http://127.0.0.1:{etcd}",
        f"--secure-port={port}",
        "--bind-address=127.0.0.1",
        "--endpoint-reconciler-type=none",
        f"--cert-dir={folder}",
        "--authorization-mode=RBAC",
        "--enable-priority-and-fairness=false",  # nobody has to be kept from crowding others out
        # Without controllers nobody makes accounts or takes the taint of a new node away.
        "--disable-admission-plugins=ServiceAccount,TaintNodesByCondition",
        f"--token-auth-file={folder / 'tokens.csv'}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={key}",
        f"--service-account-signing-key-file={key}",
        f"--service-cluster-ip-range={IPV4},{IPV6}",
        f"--audit-policy-file={folder / 'audit.yaml'}",
        f"--audit-log-path={folder / AUDIT}",
    ]


def _kubeconfig(folder: Path, port: int, token: str) -> Path:
    certificate = str(folder / "apiserver.crt")
    where = {"server": f"https://127.0.0.1:{port}", "certificate-authority": certificate}
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "clusters": [{"name": "c", "cluster": where}],
        "users": [{"name": "c", "user": {"token": token}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}],
    }
    path = folder / f"kubeconfig-{token}"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


@contextmanager
def process(folder: Path, name: str, *flags: str) -> Iterator[subprocess.Popen[bytes]]:
    """One of its programs; its log is in the folder."""
    binary = _binary(name)
    assert binary is not None
    with (folder / f"{name}.log").open("wb") as log:
        environment = {**os.environ, "GOGC": "400"}  # a sixth less CPU for more memory
        started = subprocess.Popen([binary, *flags], stdout=log, stderr=log, env=environment)
        try:
            yield started
        finally:
            started.kill()
            started.wait()


def _wait_ready(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    """Its certificate is its own, made at its start, so this first request cannot check it."""
    unchecked = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    unchecked.check_hostname, unchecked.verify_mode = False, ssl.CERT_NONE
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {ADMIN}"})  # noqa: S310
    while server.poll() is None:
        try:
            with urllib.request.urlopen(request, context=unchecked, timeout=2):  # noqa: S310
                return
        except (urllib.error.URLError, OSError):
            _pause(server)
    raise RuntimeError(log.read_text(encoding="utf-8")[-2000:])


def _pause(server: subprocess.Popen[bytes]) -> None:
    try:
        server.wait(timeout=0.1)
    except subprocess.TimeoutExpired:
        return


def _binary(name: str) -> str | None:
    return shutil.which(name, path=f"{BINARIES}{os.pathsep}{os.environ['PATH']}")
