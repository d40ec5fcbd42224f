from __future__ import annotations

from typing import Any

import pytest

from matinee_operator.plan.compare import is_within

WANTED = {"a": 1, "b": {"c": ["x", {"d": "y"}]}}
OBSERVED: dict[str, tuple[Any, bool]] = {
    "the same": (WANTED, True),
    "more fields, which the API server added": (
        {"a": 1, "b": {"c": ["x", {"d": "y", "e": 1}]}, "f": {}},
        True,
    ),
    "another value": ({"a": 2, "b": {"c": ["x", {"d": "y"}]}}, False),
    "a missing field": ({"b": {"c": ["x", {"d": "y"}]}}, False),
    "a longer list": ({"a": 1, "b": {"c": ["x", {"d": "y"}, "z"]}}, False),
    "a shorter list": ({"a": 1, "b": {"c": ["x"]}}, False),
    "text instead of a mapping": ({"a": 1, "b": "c"}, False),
    "nothing": ({}, False),
}


@pytest.mark.parametrize("case", OBSERVED)
def test_a_child_is_as_wanted(case: str) -> None:
    observed, expected = OBSERVED[case]
    assert is_within(WANTED, observed) is expected
