"""For tests on a cluster: the cluster, a namespace for each, and a look at what a test left."""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import Generator, Iterator
from pathlib import Path

import kubernetes.client
import pytest

from e2e import collecting, mending, target
from e2e.target import Target
from e2e.waiting import wait_for
from tools.cluster.shell import ClusterError

RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}
TIMEOUT_S = 900
"""Of a test: `wait_for` has patience of its own, and tells more when it is over."""
TARGET = pytest.StashKey[Target]()
FAILED = pytest.StashKey[bool]()
NAMESPACE = pytest.StashKey[str]()
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
    request.node.stash[NAMESPACE] = name
    yield name
    if cluster.ours and request.node.stash.get(FAILED, False):
        mending.mend()  # what the test broke and had no chance to mend
    cluster.kubectl("delete", "namespace", name, "--wait=false")
    namespaces = kubernetes.client.CoreV1Api().list_namespace
    wait_for(namespaces, lambda found: not found, name=name)


@pytest.fixture(autouse=True)
def _nothing_is_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """What was there before a test is there after it, and nothing else."""
    found = request.config.stash.get(TARGET, None)
    uses_it = "cluster" in request.fixturenames and "machine" not in request.fixturenames
    with mending.nothing_left(found) if found and uses_it else contextlib.nullcontext():
        yield


@pytest.fixture
def own_cluster(cluster: Target) -> Iterator[Target]:
    """For tests that break it on purpose; whatever they did to it is undone."""
    if not cluster.ours:
        pytest.skip("only our own cluster may be broken on purpose")
    yield cluster
    mending.mend()


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
        if (found := item.config.stash.get(TARGET, None)) is not None:
            name = f"{item.nodeid}-{report.when}"
            try:
                folder = collecting.collect(found, name, item.stash.get(NAMESPACE, None))
            except OSError as error:  # a full disk: the failure itself must still be told
                report.sections.append(("Nothing was collected", str(error)))
            else:
                item.config.stash.setdefault(COLLECTED, []).append(folder)
    return report


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    for folder in config.stash.get(COLLECTED, []):
        terminalreporter.write_line(f"events, logs and objects of a failed test: {folder}")
