"""pydantic's errors -> sentences for people: the dotted path, what was expected, what was got.

An unknown key is answered with the nearest known one, which needs the model: `keys_at` walks to
the mapping in which the key stands.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from matinee_api.config.errors import Problem
from matinee_api.kinds.patterns import EXPLAINED
from matinee_api.kinds.rules import BROKEN_RULES

Location = tuple[int | str, ...]

_EXPECTED = {
    "bool_type": "expected true or false",
    "dict_type": "expected a mapping",
    "finite_number": "expected a finite number",
    "float_type": "expected a number",
    "greater_than": "expected more than {gt:g}",
    "greater_than_equal": "expected at least {ge}",
    "int_from_float": "expected a whole number",
    "int_type": "expected a whole number",
    "less_than": "expected less than {lt:g}",
    "less_than_equal": "expected at most {le}",
    "list_type": "expected a list",
    "literal_error": "expected {expected}",
    "model_type": "expected a mapping",
    "string_too_long": "expected at most {max_length} characters",
    "string_too_short": "expected at least {min_length} characters",
    "string_type": "expected text",
    "string_unicode": "expected text in UTF-8",
    "too_long": "expected at most {max_length} entries",
    "too_short": "expected at least {min_length} entries",
    "tuple_type": "expected a list",
}


_LONGEST_WORD = 100
"""Characters of a word that can be a slip of the fingers; comparing longer ones takes long."""
_ABOUT_KEYS = {"extra_forbidden": "unknown key", "missing": "required, but missing"}


def problems_of(error: ValidationError, model: type[BaseModel]) -> Iterator[Problem]:
    """Every mistake that pydantic found, in its order."""
    found = error.errors(include_url=False)
    for details in found:
        if details["type"] == "too_short" and _has_deeper(found, details["loc"]):
            continue  # pydantic does not count the entries that are wrong
        if details["type"] == BROKEN_RULES:
            yield from _broken_rules(details)
        elif details["type"] == "extra_forbidden":
            yield _unknown_key(details, model)
        elif details["type"] == "missing":
            yield Problem(_ABOUT_KEYS["missing"], dotted(details["loc"]))
        else:
            yield _wrong_value(details)


def sentence_of(details: ErrorDetails) -> str:
    """One mistake without its place: what was expected and what was got. Quick for any input."""
    about_key = _ABOUT_KEYS.get(details["type"])
    return about_key or str(dataclasses.replace(_wrong_value(details), path=""))


def dotted(location: Location) -> str:
    """`("pods", 0, "name")` -> `pods[0].name`."""
    path = ""
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        elif re.fullmatch(rf"[\w-]{{1,{_LONGEST_WORD}}}", part):
            path += f".{part}" if path else part
        else:
            path += f"[{json.dumps(part[:_LONGEST_WORD])}]"
    return path


def nearest(word: str, known: Iterable[str]) -> str:
    """A remedy: the known word that looks most like `word`, or all of them."""
    by_lower = {name.lower().replace("_", ""): name for name in known}
    close = difflib.get_close_matches(word.lower().replace("_", ""), by_lower, n=1, cutoff=0.6)
    if close:
        return f"did you mean {by_lower[close[0]]}?"
    return f"known here: {', '.join(by_lower.values())}" if by_lower else ""


def keys_at(model: type[BaseModel], location: Location) -> list[str]:
    """The keys that a file may use in the mapping at `location`; none for free-form mappings."""
    kind: Any = model
    for part in location:
        kind = _inside(kind, part)
    found = _model_in(kind)
    return [field.alias or name for name, field in found.model_fields.items()] if found else []


def _inside(kind: Any, part: int | str) -> Any:
    model = _model_in(kind)
    if model is None or isinstance(part, int):  # `_model_in` looks into lists by itself
        return kind
    for name, field in model.model_fields.items():
        if part in (name, field.alias):
            return field.annotation
    return None


def _model_in(kind: Any) -> type[BaseModel] | None:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return kind
    return next((found for arg in get_args(kind) if (found := _model_in(arg))), None)


def _has_deeper(found: Iterable[ErrorDetails], location: Location) -> bool:
    return any(
        len(other["loc"]) > len(location) and other["loc"][: len(location)] == location
        for other in found
    )


def _unknown_key(details: ErrorDetails, model: type[BaseModel]) -> Problem:
    *parents, key = details["loc"]
    remedy = nearest(str(key), keys_at(model, tuple(parents)))
    return Problem(_ABOUT_KEYS["extra_forbidden"], dotted(details["loc"]), remedy)


def _broken_rules(details: ErrorDetails) -> Iterator[Problem]:
    for field, message in details["ctx"]["broken"]:
        inside = tuple(field.split(".")) if field else ()
        yield Problem(message, dotted((*details["loc"], *inside)))


def _wrong_value(details: ErrorDetails) -> Problem:
    context, value = details.get("ctx", {}), details["input"]
    if details["type"] == "string_too_short" and context["min_length"] == 1:
        return Problem("must not be empty", dotted(details["loc"]))
    expected = _EXPECTED.get(details["type"], "not valid here").format(**context).replace("'", "")
    if details["type"] == "string_pattern_mismatch":
        expected = f"expected {EXPLAINED.get(context['pattern'], context['pattern'])}"
    remedy = _remedy(details["type"], context, value)
    return Problem(f"{expected}; got {_shown(value)}", dotted(details["loc"]), remedy)


def _remedy(kind: str, context: dict[str, Any], value: Any) -> str:
    if kind == "literal_error" and isinstance(value, str) and len(value) <= _LONGEST_WORD:
        choices = re.findall(r"'([^']+)'", context["expected"])
        many = len(choices) > 1 and difflib.get_close_matches(value, choices)
        return nearest(value, choices) if many else ""
    if kind == "string_type" and isinstance(value, bool | int | float):
        return "put it in quotes"
    return ""


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
    if isinstance(value, str):
        value = value[:60]  # it may be megabytes; the quotes make it longer than what is shown
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:57]}…"
