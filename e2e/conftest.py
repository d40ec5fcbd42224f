"""What the product's tests share: the installed operator, and the bundled model served by it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from e2e import mending, operating, pods
from e2e.target import Target


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.import_plugin("e2e.fixtures")


@pytest.fixture(scope="module")
def operator(cluster: Target) -> Iterator[Target]:
    """The cluster with the chart installed."""
    with mending.nothing_left(cluster):
        operating.install(cluster)
        yield cluster
        operating.uninstall(cluster)


@pytest.fixture
def tiny(operator: Target, namespace: str) -> str:
    """A namespace in which the examples serve the bundled model, with a client pod."""
    for file in ("examples/videomodel.yaml", "examples/streamingservice.yaml"):
        operator.kubectl("apply", "-n", namespace, "-f", file)
    operator.create(
        namespace, pods.asleep(operator, "client", node="node-1" if operator.ours else None)
    )
    operating.wait_until(
        "StreamingService", namespace, "tiny", operating.condition("Ready", "True")
    )
    pods.wait_ready(namespace, "client")
    return namespace
