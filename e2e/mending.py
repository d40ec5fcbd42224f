"""Our cluster as it was before a test: what was broken is mended, what was left is removed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import kubernetes.client
import pytest

from e2e import leaks
from e2e.target import Target
from e2e.waiting import objects
from tools.cluster import cluster, components, control_plane, network, node, simulated
from tools.cluster.places import CONTROL_PLANE, STATE, Node, nodes


@contextmanager
def nothing_left(
    target: Target, look: Callable[[], leaks.Snapshot] = leaks.snapshot
) -> Iterator[None]:
    """Whoever breaks our cluster or leaves something on it fails, and the next one finds it whole.
    `look`: at what.

    Raises:
        pytest.fail.Exception: with all that was left.
    """
    if not target.ours:
        yield
        return
    before = look()
    yield
    if not STATE.exists():
        pytest.fail("no cluster is left", pytrace=False)
    if left := leaks.remains(before):
        mend()
        remove_new(before)
        pytest.fail("\n".join(["this was left:", *left]), pytrace=False)


def mend() -> None:
    """Two nodes that are switched on, plugged in and as they were; every component running."""
    for owner in components.owners():
        for name in components.components_of(owner):
            components.resume(owner, name)
    network.cut(CONTROL_PLANE, False)
    control_plane.start()
    for one in nodes():
        if one.number > cluster.NODES:
            node.remove(one)
    for number in range(cluster.NODES):
        mend_node(Node(number + 1))
    node.wait_ready(*nodes())
    simulated.set_nodes(0)


def mend_node(one: Node) -> None:
    node.add(one)
    network.cut(one.name, False)
    network.slow_down(one.name, None)
    node.wait_ready(one)
    control_plane.kubectl("uncordon", one.name)
    (found,) = objects(kubernetes.client.CoreV1Api().list_node, name=one.name)
    for taint in leaks.people_s_taints(found):
        control_plane.kubectl("taint", "node", one.name, f"{taint}-")
    node.set_gpus(one, 0)


def remove_new(before: leaks.Snapshot) -> None:
    """Remove the objects that were not there before; returns when they are gone."""
    for kind, name, namespace in leaks.new_objects(before):
        place = ("-n", namespace) if namespace else ()
        control_plane.kubectl("delete", kind, name, *place, "--ignore-not-found")
