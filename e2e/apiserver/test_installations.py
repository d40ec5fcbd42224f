"""Several releases of the chart on one API server, by helm itself."""

from __future__ import annotations

import subprocess
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from e2e.apiserver.control_plane import ControlPlane
from e2e.apiserver.scene import new_namespace
from matinee_operator.clients.kube import Kube
from tests.charts.rendering import CHART, HELM, needs_helm, parent_chart

pytestmark = needs_helm
Helm = Callable[..., str]
BESIDE = ("--set", "crds.install=false")


@pytest.fixture
def helm(api_server: ControlPlane, kube: Kube) -> Helm:
    """Runs helm; what it said against it, empty when it did as it was told."""

    def run(*words: str) -> str:
        command = [HELM or "helm", *words, "--kubeconfig", str(api_server.kubeconfig)]
        return subprocess.run(command, capture_output=True, text=True, check=False).stderr

    return run


def install(helm: Helm, release: str, namespace: str, *more: str) -> str:
    place = ("-n", namespace, "--create-namespace")
    return helm("install", release, str(CHART), *place, *more)


async def test_releases_are_kept_apart_and_definitions_are_handed_on(
    helm: Helm, kube: Kube
) -> None:
    """As `docs/operating.md` says under "Several installations"."""
    a, b, c, d = (f"{letter}-{uuid.uuid4().hex[:8]}" for letter in "abcd")
    assert install(helm, "one", a, "--take-ownership") == ""
    refused = f"release one of the namespace {a} watches the whole cluster already"
    assert refused in install(helm, "two", b)
    assert refused in install(helm, "two", b, "--set", f"namespaces={{{c}}}")
    assert helm("uninstall", "one", "-n", a) == ""
    assert "invalid ownership metadata" in install(helm, "two", b)
    assert install(helm, "two", b, "--take-ownership") == ""
    assert helm("uninstall", "two", "-n", b) == ""

    for release, place in (("three", c), ("four", d)):
        await new_namespace(kube, place)
        assert install(helm, release, b, *BESIDE, "--set", f"namespaces={{{place}}}") == ""
    refused = f"release three of the namespace {b} watches the namespace {c} already"
    assert refused in install(helm, "five", a, *BESIDE, "--set", f"namespaces={{{c},x}}")
    assert "watches the namespace" in install(helm, "six", a, *BESIDE)
    for release in ("three", "four"):
        assert helm("uninstall", release, "-n", b) == ""


async def test_it_comes_with_a_chart_that_depends_on_it_and_can_be_switched_off(
    helm: Helm, kube: Kube, tmp_path: Path
) -> None:
    place = f"shop-{uuid.uuid4().hex[:8]}"
    where = ("shop", str(parent_chart(tmp_path)), "-n", place, "--take-ownership")
    values = "global.imageRegistry=mirror.example,global.imagePullSecrets={one}"
    assert helm("install", *where, "--create-namespace", "--set", values) == ""
    (made,) = await deployments(kube, place)
    assert made["metadata"]["name"] == "shop-operator"
    pod = made["spec"]["template"]["spec"]
    assert pod["containers"][0]["image"] == "mirror.example/matinee/operator:0.1.0"
    assert pod["imagePullSecrets"] == [{"name": "one"}]
    assert helm("upgrade", *where, "--set", f"{values},matinee.enabled=false") == ""
    assert await deployments(kube, place) == []
    assert await kube.list("StreamingService", place) == []  # its definition stays
    assert helm("uninstall", "shop", "-n", place) == ""


async def deployments(kube: Kube, namespace: str) -> list[dict[str, Any]]:
    found = await kube.request("GET", f"/apis/apps/v1/namespaces/{namespace}/deployments")
    items: list[dict[str, Any]] = found["items"]
    return items
