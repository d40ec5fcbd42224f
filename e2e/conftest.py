"""What the product's tests share: the installed operator, and the bundled model served by it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from e2e import operating, pods
from e2e.namespaces import namespace_for, wait_for_namespaces_to_go
from e2e.target import Target


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.import_plugin("e2e.fixtures")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests share one operator; those that install another one in its place go last."""
    items.sort(key=lambda item: item.get_closest_marker("reinstalls") is not None)


@pytest.fixture(scope="session")
def operator(cluster: Target) -> Iterator[Target]:
    """The cluster with the chart installed."""
    operating.install(cluster)
    yield cluster
    wait_for_namespaces_to_go()  # the operator removes finalizers
    operating.uninstall(cluster)


@pytest.fixture
def tiny(operator: Target, namespace: str) -> str:
    """A namespace in which the bundled model is served by two pods, with a client pod."""
    serve_at_once(operator, namespace, replicas=2)
    return namespace


@pytest.fixture
def lone(operator: Target, namespace: str) -> str:
    """As `tiny`, with one pod."""
    serve_at_once(operator, namespace, replicas=1)
    return namespace


def serve_at_once(operator: Target, namespace: str, **changes: object) -> None:
    """The examples but for the warm-up, in which a Job and each pod would make a video first.
    `changes`: of the service's spec."""
    model = yaml.safe_load(Path("examples/videomodel.yaml").read_text())
    service = yaml.safe_load(Path("examples/streamingservice.yaml").read_text())
    model["spec"]["warmup"] = {"enabled": False}
    service["spec"] |= changes
    for manifest in (model, service):
        operator.kubectl("apply", "-n", namespace, "-f", "-", stdin=json.dumps(manifest))
    serve(operator, namespace)


@pytest.fixture(scope="session")
def served_for_all(operator: Target) -> Iterator[str]:
    with namespace_for(operator, "shared") as name:
        for file in ("examples/videomodel.yaml", "examples/streamingservice.yaml"):
            operator.kubectl("apply", "-n", name, "-f", file)
        serve(operator, name)
        yield name


@pytest.fixture
def served(operator: Target, served_for_all: str) -> Iterator[str]:
    """A namespace with the examples and a client pod, shared by tests that change no more of the
    service than its number of pods."""
    name, is_ready = served_for_all, operating.condition("Ready", "True")
    before = operating.wait_until("StreamingService", name, "tiny", is_ready)
    yield name
    operator.kubectl("scale", "ssvc/tiny", "-n", name, "--replicas=2")
    found = operating.wait_until("StreamingService", name, "tiny", is_ready)
    assert found["spec"] == before["spec"], "others need it as it was"


def serve(operator: Target, namespace: str) -> None:
    """Start a client; returns when it and the service `tiny` are ready."""
    operator.create(
        namespace, pods.asleep(operator, "client", node="node-1" if operator.ours else None)
    )
    operating.wait_until(
        "StreamingService", namespace, "tiny", operating.condition("Ready", "True")
    )
    pods.wait_ready(namespace, "client")
