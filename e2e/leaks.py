"""What is left on our cluster: what is there now and was not before, or the reverse.

A snapshot is facts about the cluster, sentences by subject, so the difference between two of them
reads as the list of what is wrong. Machine and nodes are what the next test would suffer from;
objects may take their time to go, and nobody is in their way.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import kubernetes.client

from e2e.waiting import NeverTrue, Object, is_ready, objects, wait_for
from tools.cluster import cgroups, components, network, simulated
from tools.cluster.node import GPU

Snapshot = dict[str, frozenset[str]]
PLACES = ("default", "kube-system")
"""Namespaces in which pods of tests may be forgotten; those of tests go with what they hold."""
NODE = "node"
SYSTEM_TAINTS = "node.kubernetes.io/"
"""Kubernetes sets and removes these itself."""


def nothing(_: Object) -> Iterable[str]:
    return ()


def is_being_deleted(found: Object) -> bool:
    return "deletionTimestamp" in found["metadata"]


@dataclass(frozen=True)
class Kind:
    """A list of the API server. `name`: what kubectl calls one of it. `facts`: what is compared of
    each beside its name. `is_going`: whether one that differs may go or change by itself yet."""

    name: str
    list_all: Callable[..., Any]
    facts: Callable[[Object], Iterable[str]] = nothing
    is_going: Callable[[Object], bool] = is_being_deleted

    def facts_of(self, found: Iterable[Object]) -> frozenset[str]:
        counted = [one for one in found if _namespace(one) in (None, *PLACES)]
        return frozenset(fact for one in counted for fact in (self.called(one), *self.facts(one)))

    def called(self, found: Object) -> str:
        place = f" in {_namespace(found)}" if _namespace(found) else ""
        return f"{self.name} {found['metadata']['name']}{place}"

    def settled(self, known: frozenset[str]) -> frozenset[str]:
        """The facts as soon as they are the known ones, or nothing changes by itself any more."""

        def holds(found: list[Object]) -> bool:
            return self.facts_of(found) == known or not any(map(self.is_going, found))

        with contextlib.suppress(NeverTrue):
            return self.facts_of(wait_for(self.list_all, holds))
        return self.facts_of(objects(self.list_all))


def kinds() -> list[Kind]:
    core, rbac = kubernetes.client.CoreV1Api(), kubernetes.client.RbacAuthorizationV1Api()
    hooks = kubernetes.client.AdmissionregistrationV1Api()
    extensions = kubernetes.client.ApiextensionsV1Api()
    return [
        Kind("namespace", core.list_namespace),
        Kind("pod", core.list_pod_for_all_namespaces),
        Kind(NODE, core.list_node, node_facts, is_going=lambda found: not is_ready(found)),
        # Its claim goes first, and nothing in the volume tells so at once.
        Kind("persistentvolume", core.list_persistent_volume, is_going=lambda _: True),
        Kind("storageclass", kubernetes.client.StorageV1Api().list_storage_class),
        Kind("priorityclass", kubernetes.client.SchedulingV1Api().list_priority_class),
        Kind("clusterrole", rbac.list_cluster_role),
        Kind("clusterrolebinding", rbac.list_cluster_role_binding),
        Kind("customresourcedefinition", extensions.list_custom_resource_definition),
        Kind("validatingwebhookconfiguration", hooks.list_validating_webhook_configuration),
        Kind("validatingadmissionpolicy", hooks.list_validating_admission_policy),
        Kind("validatingadmissionpolicybinding", hooks.list_validating_admission_policy_binding),
        Kind("mutatingwebhookconfiguration", hooks.list_mutating_webhook_configuration),
    ]


def node_facts(node: Object) -> Iterator[str]:
    """What the verbs of the cluster and of kubectl change about a node."""
    name, spec = node["metadata"]["name"], node["spec"]
    if simulated.LABEL in (node["metadata"].get("labels") or {}):
        return
    if is_ready(node):
        yield f"{name} is Ready"
    if spec.get("unschedulable"):
        yield f"{name} is cordoned"
    for taint in people_s_taints(node):
        yield f"{name} has the taint {taint}"
    if (gpus := node["status"]["capacity"].get(GPU, "0")) != "0":
        yield f"{name} has {gpus} {GPU}"


def people_s_taints(node: Object) -> list[str]:
    """As kubectl writes them; Kubernetes sets and removes its own by itself."""
    taints = [t for t in node["spec"].get("taints") or () if not t["key"].startswith(SYSTEM_TAINTS)]
    return [f"{taint['key']}={taint.get('value', '')}:{taint['effect']}" for taint in taints]


def machine() -> Snapshot:
    """What is known without the API server."""
    running, frozen = set(), set()
    for owner in components.owners():
        for name in components.components_of(owner):
            if components.runs(owner, name):
                running.add(f"{name} of {owner} runs")
            if cgroups.is_frozen(components.group_of(owner, name)):
                frozen.add(f"{name} of {owner} is frozen")
    cut = {f"the cable of {owner} is cut" for owner in network.cut_off()}
    slow = {f"the network of {owner} is slow" for owner in network.slowed_down()}
    return {"components": frozenset(running | frozen), "network": frozenset(cut | slow)}


def snapshot() -> Snapshot:
    return machine() | {kind.name: kind.facts_of(objects(kind.list_all)) for kind in kinds()}


def machine_and_nodes() -> Snapshot:
    """What a snapshot holds beside objects."""
    (nodes,) = (kind for kind in kinds() if kind.name == NODE)
    return machine() | {NODE: nodes.facts_of(objects(nodes.list_all))}


def difference(before: Snapshot, after: Snapshot) -> list[str]:
    """Of the subjects that both know."""
    both = [subject for subject in after if subject in before]
    new = [f"new: {fact}" for subject in both for fact in sorted(after[subject] - before[subject])]
    lost = [
        f"no longer: {fact}"
        for subject in both
        for fact in sorted(before[subject] - after[subject])
    ]
    return new + lost


def remains(before: Snapshot) -> list[str]:
    """What differs from `before`, in the subjects that it knows, when all that goes by itself is
    gone.

    The API server is not asked when something of the machine differs: it may not answer.
    """
    found = difference(before, machine())
    known = [kind for kind in kinds() if kind.name in before]
    return found or difference(before, {k.name: k.settled(before[k.name]) for k in known})


def new_objects(before: Snapshot) -> Iterator[tuple[str, str, str | None]]:
    """Kind, name and namespace of what was not there before, nodes apart."""
    for kind in kinds():
        if kind.name == NODE or kind.name not in before:
            continue
        for found in objects(kind.list_all):
            if kind.facts_of([found]) - before[kind.name]:
                yield kind.name, found["metadata"]["name"], _namespace(found)


def _namespace(found: Object) -> str | None:
    namespace: str | None = found["metadata"].get("namespace")
    return namespace
