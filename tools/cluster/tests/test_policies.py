from __future__ import annotations

import shutil
import subprocess
from typing import Any

import pytest

from tools.cluster.policies import Pod, matches, pod_of, ruleset

WEB = Pod("shop", {"app": "web"}, "198.18.1.1", {"http": 8080})
OLD_WEB = Pod("shop", {"app": "web"}, "198.18.1.2", {"http": 80})
DB = Pod("shop", {"app": "db"}, "198.18.2.1", {})
SPY = Pod("other", {"app": "db"}, "198.18.2.2", {})
PODS = [WEB, OLD_WEB, DB, SPY]
NAMESPACES = {"shop": {"team": "a"}, "other": {"team": "b"}}


def policy(**spec: Any) -> dict[str, Any]:
    return {"metadata": {"namespace": "shop"}, "spec": {"policyTypes": ["Ingress"], **spec}}


def block(cidr: str, *exceptions: str) -> dict[str, Any]:
    """A policy that lets a network in."""
    peer = {"ipBlock": {"cidr": cidr, "except": [*exceptions]}}
    return policy(**SELECT_WEB, ingress=[{"from": [peer]}])


def rules(*policies: dict[str, Any]) -> dict[str, list[str]]:
    """Name of the chain -> its lines, without what every chain has."""
    chains: dict[str, list[str]] = {}
    for line in map(str.strip, ruleset(policies, PODS, NAMESPACES).splitlines()):
        if line.startswith("chain "):
            current = chains.setdefault(line.split()[1], [])
        elif line.startswith(("ip ", "meta ")):
            current.append(line)
    return chains


SELECT_WEB = {"podSelector": {"matchLabels": {"app": "web"}}}
WEBS = "{ 198.18.1.1, 198.18.1.2 }"
INTO_WEB = [f"ip daddr {WEBS} jump ingress"]
CASES: dict[str, tuple[dict[str, Any], str, list[str]]] = {
    "no rule lets nothing in": (policy(**SELECT_WEB), "ingress", []),
    "an empty rule lets everything in": (
        policy(**SELECT_WEB, ingress=[{}]),
        "ingress",
        [f"ip daddr {WEBS} return"],
    ),
    "pods are those of the policy's namespace": (
        policy(**SELECT_WEB, ingress=[{"from": [{"podSelector": {"matchLabels": {"app": "db"}}}]}]),
        "ingress",
        [f"ip daddr {WEBS} ip saddr {{ 198.18.2.1 }} return"],
    ),
    "namespaces are found by their labels": (
        policy(
            **SELECT_WEB,
            ingress=[{"from": [{"namespaceSelector": {"matchLabels": {"team": "b"}}}]}],
        ),
        "ingress",
        [f"ip daddr {WEBS} ip saddr {{ 198.18.2.2 }} return"],
    ),
    "both selectors must hold": (
        policy(
            **SELECT_WEB,
            ingress=[
                {
                    "from": [
                        {
                            "namespaceSelector": {},
                            "podSelector": {"matchLabels": {"app": "db"}},
                        }
                    ]
                }
            ],
        ),
        "ingress",
        [f"ip daddr {WEBS} ip saddr {{ 198.18.2.1, 198.18.2.2 }} return"],
    ),
    "peers that do not exist let nothing in": (
        policy(**SELECT_WEB, ingress=[{"from": [{"podSelector": {"matchLabels": {"app": "x"}}}]}]),
        "ingress",
        [],
    ),
    "a named port is looked up at each pod": (
        policy(**SELECT_WEB, ingress=[{"ports": [{"port": "http"}]}]),
        "ingress",
        [
            "ip daddr { 198.18.1.2 } tcp dport 80 return",
            "ip daddr { 198.18.1.1 } tcp dport 8080 return",
        ],
    ),
    "a range of ports": (
        policy(**SELECT_WEB, ingress=[{"ports": [{"port": 1, "endPort": 9, "protocol": "UDP"}]}]),
        "ingress",
        [f"ip daddr {WEBS} udp dport 1-9 return"],
    ),
    "a protocol without a port": (
        policy(**SELECT_WEB, ingress=[{"ports": [{"protocol": "UDP"}]}]),
        "ingress",
        [f"ip daddr {WEBS} meta l4proto udp return"],
    ),
    "a network without a part of it": (
        block("198.18.0.0/30", "198.18.0.0/31"),
        "ingress",
        [f"ip daddr {WEBS} ip saddr {{ 198.18.0.2/31 }} return"],
    ),
    "exceptions that overlap": (
        block("10.0.0.0/24", "10.0.0.0/26", "10.0.0.0/25"),
        "ingress",
        [f"ip daddr {WEBS} ip saddr {{ 10.0.0.128/25 }} return"],
    ),
    "exceptions that leave nothing": (
        block("10.0.0.0/24", "10.0.0.0/25", "10.0.0.128/25"),
        "ingress",
        [],
    ),
    "a network that is named by an address in it": (
        block("10.0.0.5/24"),
        "ingress",
        [f"ip daddr {WEBS} ip saddr {{ 10.0.0.0/24 }} return"],
    ),
    "a network of IPv6": (block("::/0"), "ingress", []),
    "what goes out": (
        policy(
            **SELECT_WEB,
            egress=[
                {
                    "to": [{"podSelector": {"matchLabels": {"app": "db"}}}],
                    "ports": [{"port": 5432}],
                }
            ],
            policyTypes=["Egress"],
        ),
        "egress",
        [f"ip saddr {WEBS} ip daddr {{ 198.18.2.1 }} tcp dport 5432 return"],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_a_policy_allows(case: str) -> None:
    given, chain, expected = CASES[case]
    assert rules(given)[chain] == expected


def test_only_selected_pods_are_isolated() -> None:
    assert rules(policy(**SELECT_WEB))["forward"] == INTO_WEB
    assert rules()["forward"] == []


def test_a_policy_may_isolate_both_ways() -> None:
    both = ["Ingress", "Egress"]
    forward = rules(policy(**SELECT_WEB, egress=[{}], policyTypes=both))["forward"]
    assert forward == [*INTO_WEB, f"ip saddr {WEBS} jump egress"]


@pytest.mark.parametrize(
    ("operator", "values", "expected"),
    [
        ("In", ["web", "x"], True),
        ("In", ["x"], False),
        ("NotIn", ["x"], True),
        ("NotIn", ["web"], False),
        ("Exists", [], True),
        ("DoesNotExist", [], False),
    ],
)
def test_label_expressions(operator: str, values: list[str], expected: bool) -> None:
    expression = {"key": "app", "operator": operator, "values": values}
    assert matches({"matchExpressions": [expression]}, WEB.labels) is expected


def test_pods_without_an_address_of_their_own_are_left_out() -> None:
    pod: dict[str, Any] = {
        "metadata": {"name": "web", "namespace": "shop", "labels": {"app": "web"}},
        "spec": {"containers": [{"ports": [{"name": "http", "containerPort": 8080}]}]},
        "status": {"phase": "Running", "podIP": "198.18.1.1"},
    }
    assert pod_of(pod) == WEB
    assert pod_of({**pod, "status": {}}) is None
    assert pod_of({**pod, "status": {"phase": "Succeeded", "podIP": "198.18.1.1"}}) is None
    assert pod_of({**pod, "spec": {**pod["spec"], "hostNetwork": True}}) is None


@pytest.mark.parametrize("case", CASES)
@pytest.mark.skipif(
    shutil.which("nft") is None or shutil.which("unshare") is None, reason="nft is not installed"
)
def test_nft_takes_the_rules(case: str) -> None:
    """In a network namespace of its own, which only root may make."""
    made = subprocess.run(
        ["unshare", "--net", "nft", "--check", "-f", "-"],
        input=ruleset([CASES[case][0]], PODS, NAMESPACES).encode(),
        capture_output=True,
    )
    if b"unshare" in made.stderr or b"not permitted" in made.stderr:
        pytest.skip("only root may do this")
    assert made.returncode == 0, made.stderr
