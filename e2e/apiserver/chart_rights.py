"""The rights that the chart gives the operator, and those that an API server saw it use.

A right is a group, a resource (with its subresource) and a verb.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

TEMPLATES = Path(__file__).parents[2] / "charts" / "matinee" / "templates"

Rule = dict[str, Any]


class Right(NamedTuple):
    group: str
    resource: str
    verb: str


def chart_rules() -> list[Rule]:
    """In the namespaces that are looked after."""
    return _rules("_helpers.tpl", r'define "matinee\.rules" -}}\n(.*?)\{\{- end')


def lease_rules() -> list[Rule]:
    """In the operator's own namespace."""
    return _rules("rbac.yaml", r"-lease\n.*?\nrules:\n(.*?)\n---")


def _rules(template: str, block: str) -> list[Rule]:
    text = (TEMPLATES / template).read_text(encoding="utf-8")
    found = re.search(block, text, re.DOTALL)
    assert found is not None
    rules: list[Rule] = yaml.safe_load(found[1].replace("{{ $name }}", "matinee-operator"))
    return rules


def rights_in(rules: list[Rule]) -> set[Right]:
    return {
        Right(group, resource, verb)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def without(rules: list[Rule], right: Right) -> list[Rule]:
    """One verb fewer."""
    left = [
        {
            **rule,
            "resources": [resource],
            "verbs": [verb for verb in rule["verbs"] if Right(group, resource, verb) != right],
        }
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    ]
    return [rule for rule in left if rule["verbs"]]


def used_rights(audit: Path, namespace: str) -> set[Right]:
    """What was asked for there, and allowed."""
    return {right for event in _events(audit, namespace) for right in _rights(event)}


def _events(audit: Path, namespace: str) -> Iterator[Any]:
    for line in audit.read_text(encoding="utf-8").splitlines():
        event = json.loads(line)
        if event.get("objectRef", {}).get("namespace") == namespace:
            yield event


def _rights(event: Any) -> Iterator[Right]:
    """An apply that makes an object is a patch that needs the right to create as well."""
    if event["annotations"]["authorization.k8s.io/decision"] != "allow":
        return
    about = event["objectRef"]
    resource = "/".join(filter(None, (about["resource"], about.get("subresource"))))
    yield Right(about.get("apiGroup", ""), resource, event["verb"])
    if event["verb"] == "patch" and event["responseStatus"]["code"] == 201:
        yield Right(about.get("apiGroup", ""), resource, "create")
