"""What the API server does with an object that is applied: fill in defaults, evaluate CEL rules.

Just enough of it to compare the CRDs' rules with the checks in Python. The rules are evaluated by
a CEL library; a real API server follows in e2e.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import cel

from matinee_api.kinds import crd

Schema = dict[str, Any]

structural_schema = functools.cache(crd.structural_schema)
"""Made once: nothing here changes it."""


def with_defaults(schema: Schema, value: Any) -> Any:
    """Defaults of absent properties, outer ones first, as structural schemas define it."""
    if isinstance(value, list):
        return [with_defaults(schema.get("items", {}), entry) for entry in value]
    if not isinstance(value, dict):
        return value
    properties = schema.get("properties", {})
    defaults = {key: inner["default"] for key, inner in properties.items() if "default" in inner}
    return {
        key: with_defaults(properties.get(key, {}), inner)
        for key, inner in (defaults | value).items()
    }


def broken_rules(
    schema: Schema, value: Any, old: Any = None, path: str = ""
) -> Iterator[tuple[str, str]]:
    """Path and message of every rule that does not hold; with `old`, also the rules on changes."""
    for rule in schema.get("x-kubernetes-validations", []):
        on_changes = "oldSelf" in rule["rule"]
        if on_changes == (old is not None) and not _holds(rule["rule"], value, old):
            yield (path + rule.get("fieldPath", "")).lstrip("."), rule["message"]
    if isinstance(value, list):
        for index, entry in enumerate(value):
            yield from broken_rules(schema["items"], entry, None, f"{path}[{index}]")
    for key, inner in schema.get("properties", {}).items():
        if isinstance(value, dict) and key in value:
            before = old.get(key) if isinstance(old, dict) else None
            yield from broken_rules(inner, value[key], before, f"{path}.{key}".lstrip("."))


def _holds(rule: str, value: Any, old: Any) -> bool:
    return bool(cel.evaluate(rule, {"self": value, "oldSelf": old}))
