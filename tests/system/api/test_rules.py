from __future__ import annotations

from typing import Any

import pytest

from matinee_api.config.errors import ConfigError
from matinee_api.config.load import validate
from matinee_api.kinds.resource import KINDS
from tests.unit.api.api_server import Schema, broken_rules, structural_schema, with_defaults
from tests.unit.api.rule_cases import CASES, CHANGES, OBJECTS, changed, manifest


def spec_schema(kind: str) -> Schema:
    schema: Schema = structural_schema(KINDS[kind])["properties"]["spec"]
    return schema


@pytest.mark.parametrize("case", CASES)
def test_python_and_the_api_server_refuse_the_same_in_the_same_words(case: str) -> None:
    kind, path, value, expected = CASES[case]
    spec = changed(kind, path, value)
    schema = spec_schema(kind)
    by_cel = dict(broken_rules(schema, with_defaults(schema, spec)))
    assert by_cel == expected
    # In Python a rule is looked at once the objects inside its own are right.
    assert _by_python(kind, spec) == expected


def _by_python(kind: str, spec: dict[str, Any]) -> dict[str, str]:
    try:
        validate(KINDS[kind], manifest(kind, spec))
    except ConfigError as error:
        return {problem.path.removeprefix("spec."): problem.message for problem in error.problems}
    return {}


def test_every_rule_is_broken_by_some_case() -> None:
    told = {message for *_, expected in CASES.values() for message in expected.values()}
    rules = {message for kind in KINDS for message in _messages(spec_schema(kind))}
    assert rules - told == {
        "cannot change: make another VideoModel and point modelRef at it",
        "cannot change: make another VideoModel",
    }


def _messages(schema: Schema) -> set[str]:
    found = {rule["message"] for rule in schema.get("x-kubernetes-validations", [])}
    for inner in [*schema.get("properties", {}).values(), schema.get("items", {})]:
        found |= _messages(inner) if inner else set()
    return found


@pytest.mark.parametrize("case", CHANGES)
def test_some_fields_keep_their_first_value(case: str) -> None:
    kind, path, value, expected = CHANGES[case]
    schema = spec_schema(kind)
    old = with_defaults(schema, OBJECTS[kind])
    new = with_defaults(schema, changed(kind, path, value))
    assert dict(broken_rules(schema, new, old)) == expected
