"""NetworkPolicies -> rules of nftables. Pure.

Every packet between pods passes the `forward` hook of a node, since pods are routed, so one rule
set, the same for every node, decides on all of them. As the API says (networking.k8s.io/v1): a pod
that no policy selects takes everything; one that is selected takes what any of its policies allows.
Replies pass. Traffic between a pod and its own node is not forwarded, so probes always pass.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

TABLE = "inet matinee-policies"
Object = Mapping[str, Any]


@dataclass(frozen=True)
class Pod:
    """A running pod with an address."""

    namespace: str
    labels: Mapping[str, str]
    address: str
    ports: Mapping[str, int]
    """Named container ports."""


@dataclass(frozen=True)
class Direction:
    """What differs between what comes in and what goes out."""

    kind: str
    rules: str
    peers: str
    own: str
    other: str


DIRECTIONS = (
    Direction("Ingress", "ingress", "from", own="daddr", other="saddr"),
    Direction("Egress", "egress", "to", own="saddr", other="daddr"),
)


def ruleset(
    policies: Sequence[Object], pods: Sequence[Pod], namespaces: Mapping[str, Mapping[str, str]]
) -> str:
    """Input for `nft -f` that replaces the rules of before.

    Args:
        namespaces: name -> labels.
    """
    lines = [f"table {TABLE}", f"delete table {TABLE}", f"table {TABLE} {{"]
    jumps = []
    for direction in DIRECTIONS:
        isolated, allowed = _direction(direction, policies, pods, namespaces)
        lines += _chain(direction.rules, allowed)
        if isolated:
            jumps.append(f"ip {direction.own} {_set(isolated)} jump {direction.rules}")
    lines += _chain("forward", ["ct state established,related accept", *jumps], hooked=True)
    return "\n".join([*lines, "}", ""])


def _chain(name: str, rules: Iterable[str], *, hooked: bool = False) -> list[str]:
    head = "type filter hook forward priority filter; policy accept;" if hooked else ""
    ending = [] if hooked else ["drop"]
    body = [line for line in (head, *rules, *ending) if line]
    return [f"  chain {name} {{", *(f"    {line}" for line in body), "  }"]


def _direction(
    direction: Direction,
    policies: Sequence[Object],
    pods: Sequence[Pod],
    namespaces: Mapping[str, Mapping[str, str]],
) -> tuple[list[str], list[str]]:
    """Addresses of the pods that some policy selects, and a rule for all that is allowed."""
    isolated: set[str] = set()
    allowed: list[str] = []
    for policy in policies:
        if direction.kind not in policy["spec"]["policyTypes"]:  # the API server fills it in
            continue
        chosen = _selected(policy, pods)
        isolated |= {pod.address for pod in chosen}
        for rule in policy["spec"].get(direction.rules) or ():
            allowed += _rules(direction, rule, policy, chosen, pods, namespaces)
    return sorted(isolated), list(dict.fromkeys(allowed))


def _selected(policy: Object, pods: Sequence[Pod]) -> list[Pod]:
    namespace = policy["metadata"]["namespace"]
    selector = policy["spec"].get("podSelector") or {}
    return [p for p in pods if p.namespace == namespace and matches(selector, p.labels)]


def _rules(
    direction: Direction,
    rule: Object,
    policy: Object,
    chosen: Sequence[Pod],
    pods: Sequence[Pod],
    namespaces: Mapping[str, Mapping[str, str]],
) -> Iterator[str]:
    """nftables rules for one entry of `ingress` or `egress`."""
    if not chosen:
        return
    for others, peers in _peers(direction, rule, policy, pods, namespaces):
        targets = chosen if direction.kind == "Ingress" else peers
        for ports, having in _ports(rule, targets):
            own = _set([pod.address for pod in (having if direction.kind == "Ingress" else chosen)])
            other = others if direction.kind == "Ingress" or having is targets else _to(having)
            parts = [f"ip {direction.own} {own}", other and f"ip {direction.other} {other}", ports]
            yield " ".join(part for part in (*parts, "return") if part)


def _to(pods: Sequence[Pod]) -> str:
    return _set([pod.address for pod in pods])


def _peers(
    direction: Direction,
    rule: Object,
    policy: Object,
    pods: Sequence[Pod],
    namespaces: Mapping[str, Mapping[str, str]],
) -> Iterator[tuple[str, list[Pod]]]:
    """What may stand at the other end: a set of addresses (empty: anything), and its pods."""
    peers = rule.get(direction.peers)
    if not peers:
        yield "", list(pods)
        return
    for peer in peers:
        if "ipBlock" in peer:
            if networks := _block(peer["ipBlock"]):
                yield _set(networks), []
            continue
        found = [pod for pod in pods if _is_peer(pod, peer, policy, namespaces)]
        if found:
            yield _to(found), found


def _is_peer(
    pod: Pod, peer: Object, policy: Object, namespaces: Mapping[str, Mapping[str, str]]
) -> bool:
    if "namespaceSelector" in peer:
        there = matches(peer["namespaceSelector"], namespaces.get(pod.namespace, {}))
    else:
        there = pod.namespace == policy["metadata"]["namespace"]
    return there and matches(peer.get("podSelector") or {}, pod.labels)


def _block(block: Object) -> list[str]:
    """A network without its exceptions; nothing of IPv6, which no pod speaks here."""
    whole = ipaddress.ip_network(block["cidr"], strict=False)
    if not isinstance(whole, ipaddress.IPv4Network):
        return []
    networks = [whole]
    for exception in block.get("except") or ():
        without = ipaddress.IPv4Network(exception, strict=False)
        networks = [part for network in networks for part in _without(network, without)]
    return [str(network) for network in networks]


def _without(
    network: ipaddress.IPv4Network, exception: ipaddress.IPv4Network
) -> list[ipaddress.IPv4Network]:
    if network.subnet_of(exception):
        return []
    return sorted(network.address_exclude(exception)) if exception.subnet_of(network) else [network]


def _ports(rule: Object, targets: Sequence[Pod]) -> Iterator[tuple[str, Sequence[Pod]]]:
    """A match on the port (empty: any), and the pods at which it holds: names differ by pod."""
    ports = rule.get("ports")
    if not ports:
        yield "", targets
        return
    for entry in ports:
        protocol, port = entry.get("protocol", "TCP").lower(), entry.get("port")
        if port is None:
            yield f"meta l4proto {protocol}", targets
        elif isinstance(port, int):
            last = entry.get("endPort")
            yield f"{protocol} dport {port}" + (f"-{last}" if last else ""), targets
        else:
            for number in sorted({pod.ports[port] for pod in targets if port in pod.ports}):
                having = [pod for pod in targets if pod.ports.get(port) == number]
                yield f"{protocol} dport {number}", having


def matches(selector: Object, labels: Mapping[str, str]) -> bool:
    """Whether a label selector (meta/v1 LabelSelector) selects the labels; empty selects all."""
    wanted = selector.get("matchLabels") or {}
    return all(labels.get(key) == value for key, value in wanted.items()) and all(
        _holds(expression, labels) for expression in selector.get("matchExpressions") or ()
    )


def _holds(expression: Object, labels: Mapping[str, str]) -> bool:
    key, values = expression["key"], expression.get("values") or ()
    return {
        "In": key in labels and labels[key] in values,
        "NotIn": key not in labels or labels[key] not in values,
        "Exists": key in labels,
        "DoesNotExist": key not in labels,
    }[str(expression["operator"])]


def _set(addresses: Iterable[str]) -> str:
    return f"{{ {', '.join(sorted(set(addresses)))} }}"


def pod_of(manifest: Object) -> Pod | None:
    """None for a pod that has no address of its own, or not any more."""
    status, spec = manifest.get("status", {}), manifest["spec"]
    if spec.get("hostNetwork") or status.get("phase") in ("Succeeded", "Failed"):
        return None
    if not status.get("podIP"):
        return None
    ports = {
        port["name"]: port["containerPort"]
        for container in spec["containers"]
        for port in container.get("ports") or ()
        if port.get("name")
    }
    metadata = manifest["metadata"]
    labels = metadata.get("labels") or {}
    return Pod(metadata["namespace"], labels, status["podIP"], ports)
