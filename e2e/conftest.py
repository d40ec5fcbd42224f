"""The cluster of the whole run, a namespace for each test, and a look at what a test left."""

from __future__ import annotations

import json
import uuid
from collections.abc import Generator, Iterator
from pathlib import Path

import kubernetes.client
import pytest

from e2e import collecting, target
from e2e.cluster import cluster as own
from e2e.cluster import components, control_plane, network, node
from e2e.cluster.places import CONTROL_PLANE, Node, nodes
from e2e.cluster.shell import ClusterError
from e2e.target import Target
from e2e.waiting import wait_for

RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}
TIMEOUT_S = 900
"""Of a test: `wait_for` has patience of its own, and tells more when it is over."""
TARGET = pytest.StashKey[Target]()
FAILED = pytest.StashKey[bool]()
COLLECTED = pytest.StashKey[list[Path]]()


@pytest.fixture(scope="session")
def cluster(pytestconfig: pytest.Config) -> Target:
    """The cluster under test; `make e2e` has started it."""
    try:
        found = target.find()
    except ClusterError as error:
        pytest.exit(str(error), returncode=1)
    found.connect()
    pytestconfig.stash[TARGET] = found
    return found


@pytest.fixture
def namespace(cluster: Target, request: pytest.FixtureRequest) -> Iterator[str]:
    """A namespace of the test's own, under the strictest Pod Security; it is gone afterwards."""
    name = f"e2e-{uuid.uuid4().hex[:8]}"
    manifest = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name, "labels": RESTRICTED},
    }
    cluster.kubectl("create", "-f", "-", stdin=json.dumps(manifest))
    yield name
    if request.node.stash.get(FAILED, False):
        folder = collecting.collect(cluster, request.node.nodeid, name)
        request.config.stash.setdefault(COLLECTED, []).append(folder)
    cluster.kubectl("delete", "namespace", name, "--wait=false")
    namespaces = kubernetes.client.CoreV1Api().list_namespace
    wait_for(namespaces, lambda found: not found, name=name)


@pytest.fixture(autouse=True)
def _nothing_is_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test that breaks the cluster mends it: all parts live, all nodes are Ready, no volume is
    left."""
    yield
    found = request.config.stash.get(TARGET, None)
    if found is None or not found.ours:
        return
    assert own.dead() == []
    assert [one.name for one in nodes()] == ["node-1", "node-2"]
    node.wait_ready(*nodes())
    core = kubernetes.client.CoreV1Api()
    wait_for(core.list_persistent_volume, lambda volumes: not volumes)


@pytest.fixture
def own_cluster(cluster: Target) -> Iterator[Target]:
    """For tests that break it on purpose; whatever they did to it is undone."""
    if not cluster.ours:
        pytest.skip("only our own cluster may be broken on purpose")
    yield cluster
    mend()


def mend() -> None:
    """Two nodes that are switched on and plugged in, every component running."""
    for owner in components.owners():
        for name in components.components_of(owner):
            components.resume(owner, name)
    for name, make in control_plane.COMPONENTS.items():
        if name != "kwok":
            components.start(make())
    network.cut(CONTROL_PLANE, False)
    for one in nodes():
        if one.number > own.NODES:
            node.remove(one)
    for one in (Node(number + 1) for number in range(own.NODES)):
        node.add(one)
        network.cut(one.name, False)
        network.slow_down(one.name, None)
    node.wait_ready(*nodes())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        item.add_marker(pytest.mark.timeout(TIMEOUT_S), append=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        item.stash[FAILED] = True
    return report


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    for folder in config.stash.get(COLLECTED, []):
        terminalreporter.write_line(f"events, logs and objects of a failed test: {folder}")
