"""What needs no API server; the rest is in `e2e/apiserver/test_kube.py`."""

from __future__ import annotations

import json
from pathlib import Path

import certifi
import pytest
from kubernetes.aio.config import incluster_config

from matinee_operator.clients.kube import Credentials, connected
from matinee_operator.errors import BadSettings
from matinee_operator.metrics import Metrics
from tests.unit.api.test_proxies import set_environment

PROXY, OWN = "http://anna:hunter2@proxy:3128", "http://own:3128"


def kubeconfig(folder: Path, server: str, **more: str) -> str:
    path = folder / "kubeconfig"
    content = {
        "clusters": [{"name": "c", "cluster": {"server": server, **more}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    path.write_text(json.dumps(content))
    return str(path)


async def credentials(path: str | None) -> Credentials:
    """Which kopf gets; our own requests must take the same way."""
    async with connected(Metrics(), path) as kube:
        found = kube.credentials()
        assert kube.client.rest_client.proxy == found.proxy_url
    return found


@pytest.mark.parametrize(
    ("server", "more", "proxy"),
    [
        ("https://api.example.com:6443", {}, PROXY),
        ("https://api.example.com:6443", {"proxy-url": OWN}, OWN),
        ("https://api.svc", {}, None),
        ("https://10.96.0.1:443", {}, None),
        ("https://127.0.0.1:6443", {}, None),
        ("https://localhost:6443", {}, None),
        ("https://[::1]:6443", {}, None),
    ],
)
async def test_another_cluster_is_reached_as_its_file_and_the_environment_say(
    server: str,
    more: dict[str, str],
    proxy: str | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    set_environment(monkeypatch, {"HTTPS_PROXY": PROXY, "NO_PROXY": ".svc,10.0.0.0/8"})
    assert (await credentials(kubeconfig(tmp_path, server, **more))).proxy_url == proxy


async def test_its_own_cluster_is_reached_directly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_environment(monkeypatch, {"HTTPS_PROXY": PROXY, "ALL_PROXY": "socks5://proxy"})
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    (tmp_path / "token").write_text("t")
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(tmp_path / "token"))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", certifi.where())
    found = await credentials(None)
    assert (found.server, found.proxy_url) == ("https://10.96.0.1:443", None)


async def test_a_proxy_that_cannot_be_used_is_a_bad_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_environment(monkeypatch, {"ALL_PROXY": "socks5://anna:hunter2@proxy"})
    with pytest.raises(BadSettings, match="ALL_PROXY names a SOCKS proxy") as caught:
        await credentials(kubeconfig(tmp_path, "https://api.example.com"))
    assert "hunter2" not in str(caught.value)
