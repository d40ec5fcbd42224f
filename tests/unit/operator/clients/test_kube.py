"""What needs no API server; the rest is in `e2e/apiserver/test_kube.py`."""

from __future__ import annotations

import pytest

from matinee_operator.clients.kube import proxy_to


def test_the_api_server_is_reached_through_the_proxy_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy:3128")
    monkeypatch.setenv("no_proxy", "localhost,.svc")
    assert proxy_to("https://10.96.0.1:443") == "http://proxy:3128"
    assert proxy_to("https://kubernetes.default.svc") is None
    monkeypatch.delenv("https_proxy")
    assert proxy_to("https://10.96.0.1:443") is None
