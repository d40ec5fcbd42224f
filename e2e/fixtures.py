"""For tests on a cluster: the cluster, a namespace for each, and looks at what they left.

After each test the machine and the nodes must be as before it, because the next one would suffer.
Namespaces and other objects are looked at once, at the end of the run, when all have had their time
to go.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from e2e import collecting, leaks, mending, target
from e2e.namespaces import namespace_for, wait_for_namespaces_to_go
from e2e.target import Target
from tools.cluster.shell import ClusterError

TIMEOUT_S = 900
"""Of a test: `wait_for` has patience of its own, and tells more when it is over."""
TARGET = pytest.StashKey[Target]()
FAILED = pytest.StashKey[bool]()
NAMESPACE = pytest.StashKey[str]()
COLLECTED = pytest.StashKey[list[Path]]()


@pytest.fixture(scope="session")
def cluster(pytestconfig: pytest.Config) -> Iterator[Target]:
    """The cluster under test; `make e2e` has started it. After the run it must be as before."""
    try:
        found = target.find()
    except ClusterError as error:
        pytest.exit(str(error), returncode=1)
    found.connect()
    pytestconfig.stash[TARGET] = found
    wait_for_namespaces_to_go()  # of an earlier run
    with mending.nothing_left(found):
        yield found


@pytest.fixture
def namespace(cluster: Target, request: pytest.FixtureRequest) -> Iterator[str]:
    """A namespace of the test's own, under the strictest Pod Security; it goes afterwards."""
    with namespace_for(cluster, request.node.name) as name:
        request.node.stash[NAMESPACE] = name
        yield name
        if cluster.ours and request.node.stash.get(FAILED, False):
            mending.mend()  # what the test broke and had no chance to mend


@pytest.fixture(autouse=True)
def _nothing_is_broken(request: pytest.FixtureRequest) -> Iterator[None]:
    """Machine and nodes are after a test as they were before it."""
    found = request.config.stash.get(TARGET, None)
    uses_it = "cluster" in request.fixturenames and "machine" not in request.fixturenames
    whole = mending.nothing_left(found, leaks.machine_and_nodes) if found and uses_it else None
    with whole or contextlib.nullcontext():
        yield


@pytest.fixture
def our_cluster(cluster: Target) -> Target:
    """For tests that know more of it than its API server tells."""
    if not cluster.ours:
        pytest.skip("only our own cluster may be looked into or broken on purpose")
    return cluster


@pytest.fixture
def own_cluster(our_cluster: Target) -> Iterator[Target]:
    """For tests that break it on purpose; whatever they did to it is undone."""
    yield our_cluster
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
