"""The chart's rights against the operator's requests: none is missing and none is without a use."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from matinee_operator.clients.kube import PATHS
from matinee_operator.observe.cache import OWN_KINDS
from matinee_operator.watch.handlers import CHILDREN

TEMPLATES = Path(__file__).parents[2] / "charts" / "matinee" / "templates"

WRITES = {
    "Pod": {"create", "patch", "delete"},  # made, marked, deleted
    "ConfigMap": {"create", "patch", "delete"},  # applied, deleted when no pod reads it
    "PersistentVolumeClaim": {"create", "patch"},  # made, made larger
    "Service": {"create", "patch"},  # applied
    "PodDisruptionBudget": {"create", "patch"},
    "NetworkPolicy": {"create", "patch"},
    "PodMonitor": {"create", "patch"},
    "Job": {"create", "delete"},  # a Job cannot be changed
    "Secret": {"create"},  # never read
    "Event": {"create", "patch"},
    "StreamingService": {"patch"},  # the finalizer
    "VideoModel/status": {"patch"},
    "StreamingService/status": {"patch"},
    "Router/status": {"patch"},
}
LISTED = {"PodMonitor": {"list"}}  # its kind may be absent, so it is not watched


def needed() -> dict[tuple[str, str], set[str]]:
    """(group, resource) -> verbs."""
    found: dict[tuple[str, str], set[str]] = {}
    reads = {kind: {"list", "watch"} for kind in (*OWN_KINDS, *CHILDREN)} | LISTED
    for rights in (reads, WRITES):
        for kind, verbs in rights.items():
            found.setdefault(resource(kind), set()).update(verbs)
    return found


def resource(kind: str) -> tuple[str, str]:
    name, _, subresource = kind.partition("/")
    prefix, plural = PATHS[name]
    group = prefix.split("/")[1] if prefix.startswith("apis/") else ""
    return group, f"{plural}/{subresource}" if subresource else plural


def chart_rules() -> list[dict[str, Any]]:
    """The rules as the chart gives them."""
    text = (TEMPLATES / "_helpers.tpl").read_text(encoding="utf-8")
    block = re.search(r'define "matinee\.rules" -}}\n(.*?)\{\{- end', text, re.DOTALL)
    assert block is not None
    rules: list[dict[str, Any]] = yaml.safe_load(block[1])
    return rules


def granted() -> dict[tuple[str, str], set[str]]:
    found: dict[tuple[str, str], set[str]] = {}
    for rule in chart_rules():
        for name in rule["resources"]:
            found.setdefault((rule["apiGroups"][0], name), set()).update(rule["verbs"])
    return found


def test_the_operator_may_do_what_it_does_and_nothing_else() -> None:
    assert granted() == needed()
