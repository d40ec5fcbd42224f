"""Weights that are fetched, from a hub and from S3, into a claim before any pod starts."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from e2e import operating, pods
from e2e.operating import condition, wait_until
from e2e.target import Target
from e2e.test_runtime import streamed
from e2e.test_s3 import ACCESS, BUCKET, SECRET, TINY, filled, serving, write_credentials
from e2e.waiting import Object
from tests.servers.ports import free_port
from tools.cluster.places import HOST_ADDRESS

HUB = Path(__file__).parents[1] / "tests" / "servers" / "hub.py"
TOKEN = "only-for-this-test"  # noqa: S105
READY = condition("Ready", "True")
AUTHORITY = "ca.crt"
TRUSTING = {"caBundle": {"configMapKeyRef": {"name": "company-ca", "key": AUTHORITY}}}
ANY_USER = {"securityContext": {"runAsUser": 1234567, "runAsGroup": 0, "fsGroup": 1234567}}
"""Ids such as OpenShift chooses: the image knows no such user."""


@pytest.fixture
def hub(our_cluster: Target, tmp_path: Path) -> Iterator[str]:
    """The bundled model as the private `matinee/tiny` of a hub that pods reach, behind a
    certificate of the authority `tmp_path / AUTHORITY`."""
    shutil.copytree(TINY, tmp_path / "hub" / "matinee" / "tiny")
    authority, certificate = trustme.CA(), tmp_path / "hub.pem"
    authority.cert_pem.write_to_path(str(tmp_path / AUTHORITY))
    chain = authority.issue_cert(HOST_ADDRESS).private_key_and_cert_chain_pem
    chain.write_to_path(str(certificate))
    command = [sys.executable, str(HUB), str(tmp_path / "hub"), "--host", HOST_ADDRESS]
    command += ["--token", TOKEN, "--certificate", str(certificate)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            server.kill()


def secret(target: Target, namespace: str, value: str) -> None:
    """The token, made or changed."""
    manifest = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "source"},
        "stringData": {"token": value},
    }
    target.kubectl("apply", "-n", namespace, "-f", "-", stdin=json.dumps(manifest))


def serve(target: Target, namespace: str, source: dict[str, Any], pod: dict[str, Any]) -> None:
    """A model from there, a service of one pod, and a client. `pod`: what is said of all pods."""
    cpu = {"gpu": {"count": 0}}
    model = {
        "apiVersion": "matinee.video/v1alpha1",
        "kind": "VideoModel",
        "metadata": {"name": "tiny"},
        "spec": {
            "source": {**source, "tokenSecretRef": {"name": "source"}},
            "engine": {"family": "ltx"},
            "warmup": {"resources": cpu},
            "pod": pod,
        },
    }
    service = {
        "apiVersion": "matinee.video/v1alpha1",
        "kind": "StreamingService",
        "metadata": {"name": "tiny"},
        "spec": {"modelRef": {"name": "tiny"}, "resources": cpu, "pod": pod},
    }
    client = pods.asleep(target, "client", node="node-1")
    for manifest in (model, service, client):
        target.kubectl("apply", "-n", namespace, "-f", "-", stdin=json.dumps(manifest))
    pods.wait_ready(namespace, "client")


def told(found: Object, kind: str) -> str:
    return next(str(one["message"]) for one in found["status"]["conditions"] if one["type"] == kind)


def test_a_private_model_is_fetched_once_the_token_is_right(
    operator: Target, namespace: str, hub: str, tmp_path: Path
) -> None:
    secret(operator, namespace, "wrong")
    certificates = f"--from-file={tmp_path / AUTHORITY}"
    operator.kubectl("create", "configmap", "company-ca", "-n", namespace, certificates)
    source = {"uri": "hf://matinee/tiny", "revision": "main", "endpoint": hub}
    serve(operator, namespace, source, TRUSTING)
    denied = condition("Downloaded", "False", "SourceDenied")
    found = wait_until("VideoModel", namespace, "tiny", denied)
    assert "token" in told(found, "Downloaded")
    assert operating.pods_of(namespace, "tiny") == []
    secret(operator, namespace, TOKEN)
    ours = "app.kubernetes.io/managed-by=matinee"
    operator.kubectl("delete", "jobs", "-n", namespace, "-l", ours)  # instead of waiting
    wait_until("StreamingService", namespace, "tiny", READY)
    found = wait_until("VideoModel", namespace, "tiny", READY)
    assert len(found["status"]["resolvedRevision"]) == 40
    columns = operator.kubectl("get", "vmod/tiny", "-n", namespace).splitlines()[1].split()
    assert columns[:3] == ["tiny", "True", "Ready"]
    assert "MB" in columns, columns
    url = f"http://tiny.{namespace}.svc:8000"
    assert len(streamed(operator, namespace, url, tmp_path / "segment.mp4")) == 17


def test_a_model_is_fetched_from_s3(
    operator: Target, our_cluster: Target, namespace: str, tmp_path: Path
) -> None:
    with serving(f"{HOST_ADDRESS}:{free_port()}", tmp_path) as address:
        filled(address)
        credentials = write_credentials(tmp_path / "credentials", ACCESS, SECRET)
        secret(operator, namespace, Path(credentials).read_text())
        source = {"uri": f"s3://{BUCKET}/a/tiny", "endpoint": f"http://{address}"}
        serve(operator, namespace, source, ANY_USER)
        wait_until("StreamingService", namespace, "tiny", READY)
    url = f"http://tiny.{namespace}.svc:8000"
    assert len(streamed(operator, namespace, url, tmp_path / "segment.mp4")) == 17
