"""YAML (or JSON) text or file -> a configuration model, or a `ConfigError` with every mistake.

The models are strict. Data from YAML goes through JSON, where pydantic takes a list for a tuple
and `1` for a float, but neither `true` for a number nor `"7"` for an integer.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ValidationError

from matinee_api.bounded_file import read_at_most
from matinee_api.config.errors import ConfigError, Problem, config_error
from matinee_api.config.overrides import (
    COMMAND_LINE,
    Override,
    apply_overrides,
    parse_overrides,
    value_at,
)
from matinee_api.config.problems import problems_of
from matinee_api.config.yaml_text import MAX_TEXT_BYTES, parse_document
from matinee_api.kinds.meta import STORED

M = TypeVar("M", bound=BaseModel)


_NONE: Mapping[str, object] = MappingProxyType({})


def load_file(
    model: type[M],
    path: str | Path,
    overrides: Sequence[str] = (),
    values: Mapping[str, object] = _NONE,
) -> M:
    """Read one configuration file. `overrides`: command-line arguments, see `overrides.py`;
    `values`: dotted keys with what is laid over those."""
    return load_text(model, read_text(path), file=str(path), overrides=overrides, values=values)


def load_text(
    model: type[M],
    text: str,
    *,
    file: str = "",
    overrides: Sequence[str] = (),
    values: Mapping[str, object] = _NONE,
) -> M:
    """The same for text that is already read."""
    changes = (*parse_overrides(overrides), *(value_at(key, values[key]) for key in values))
    try:
        data = parse_document(text)
        if changes and isinstance(data, Mapping | None):
            data = apply_overrides(data or {}, changes)
        return validate(model, {} if data is None else data)
    except ConfigError as error:
        raise ConfigError(_placed(error.problems, file, changes)) from error


def validate(model: type[M], data: Any, *, extra: Literal["forbid", "ignore"] = "forbid") -> M:
    """Plain data -> model. `ignore` is for stored objects, whose CRD may be newer than we are."""
    try:
        text = json.dumps(data, allow_nan=False, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise config_error("holds text that is not UTF-8") from error
    except (TypeError, ValueError, RecursionError) as error:
        raise _no_json(data) from error
    try:
        context = STORED if extra == "ignore" else None
        return model.model_validate_json(
            text, extra=extra, context=context, by_alias=True, by_name=False
        )
    except ValidationError as error:
        raise ConfigError(problems_of(error, model)) from error


def _no_json(data: Any) -> ConfigError:
    try:
        path, value = next(_unsayable(data), ("", data))
    except RecursionError:
        return config_error("holds itself")
    return config_error(f"JSON cannot say {value!r:.60}", path=path)


def _unsayable(data: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted path and value of what is no JSON: NaN, and objects of a program."""
    match data:
        case Mapping():
            for key, value in data.items():
                yield from _unsayable(value, f"{path}.{key}" if path else str(key))
        case list() | tuple():
            for index, value in enumerate(data):
                yield from _unsayable(value, f"{path}[{index}]")
        case float():
            if not math.isfinite(data):
                yield path, data
        case str() | int() | None:
            return
        case _:
            yield path, data


def read_text(path: str | Path) -> str:
    """A file's text, or a `ConfigError` that says why not."""
    try:
        return read_at_most(path, MAX_TEXT_BYTES).decode()
    except OSError as error:
        raise config_error(f"cannot be read: {error.strerror}", file=str(path)) from error
    except UnicodeDecodeError as error:
        raise config_error("is not UTF-8 text", file=str(path)) from error


def _placed(
    problems: Iterable[Problem], file: str, changes: Sequence[Override]
) -> Iterable[Problem]:
    """Say of each problem whether the file or an override brought it in."""
    for problem in problems:
        if problem.file:
            yield problem
        elif any(_is_at(problem.path, change.dotted) for change in changes):
            yield dataclasses.replace(problem, file=COMMAND_LINE, path=f"--{problem.path}")
        else:
            yield problem.found_in(file)


def _is_at(path: str, dotted: str) -> bool:
    return path == dotted or path.startswith((f"{dotted}.", f"{dotted}["))
