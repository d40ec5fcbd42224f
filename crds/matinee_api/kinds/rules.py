"""Rules between the fields of one object, each said twice: for the API server and for Python.

A model lists its rules in `rules`. The CRD generator writes them as `x-kubernetes-validations`;
`ApiModel` (in `meta.py`) checks the same list when a file is read locally, so that both refuse the
same objects in the same words. A test evaluates both forms over one corpus.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic_core import PydanticCustomError

BROKEN_RULES = "broken_rules"
"""Type of the pydantic error that carries `(field, message)` pairs in its context."""


@dataclass(frozen=True, slots=True)
class Rule:
    """`cel` and `holds` decide alike; `message` tells what to do; `field` is the key it is about.

    `holds` is None for a rule on changes (`oldSelf`), which only the API server can see. `for_new`:
    objects were stored before there was this rule, and those that break it are read all the same.
    """

    cel: str
    message: str
    holds: Callable[[Any], bool] | None
    field: str = ""
    for_new: bool = False

    def validation(self) -> dict[str, str]:
        """The entry of `x-kubernetes-validations`."""
        place = {"fieldPath": f".{self.field}"} if self.field else {}
        return {"rule": self.cel, "message": self.message, **place}


def immutable(field: str, message: str) -> Rule:
    """A field, always present, that keeps the value it was created with."""
    return Rule(f"self.{field} == oldSelf.{field}", message, None, field)


def check_rules(rules: Iterable[Rule], model: Any, *, stored: bool = False) -> None:
    """Raise one error that names every rule that `model` breaks. `stored`: it was taken already."""
    broken = [
        (rule.field, rule.message)
        for rule in rules
        if rule.holds is not None and not (stored and rule.for_new) and not rule.holds(model)
    ]
    if broken:
        raise broken_rules(broken)


def broken_rules(broken: Sequence[tuple[str, str]]) -> PydanticCustomError:
    """What a validator raises: pairs of a dotted field (or nothing) and a message."""
    summary = "; ".join(f"{field}: {message}" if field else message for field, message in broken)
    return PydanticCustomError(BROKEN_RULES, "{summary}", {"summary": summary, "broken": broken})
