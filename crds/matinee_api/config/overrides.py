"""Dotted overrides from the command line, laid over a loaded mapping.

`--request.sampling.seed 7`, `--request.sampling.seed=7`, `--request.sampling.num-frames 33`. Values
are read as YAML reads them. Nothing here knows the models: `load.py` checks the result and tells
a mistake in an override from one in the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matinee_api.config.errors import ConfigError, config_error
from matinee_api.config.yaml_text import parse_value
from matinee_api.typed_text import typed_text

COMMAND_LINE = "command line"


@dataclass(frozen=True, slots=True)
class Override:
    """One value for one key."""

    path: tuple[str, ...]
    value: Any

    @property
    def dotted(self) -> str:
        return ".".join(self.path)


def parse_overrides(args: Sequence[str]) -> tuple[Override, ...]:
    """Read `--key value` and `--key=value`; anything else is an error."""
    overrides = []
    rest = list(args)
    while rest:
        flag = rest.pop(0)
        key, has_value, text = flag.partition("=")
        if not key.startswith("--") or not key.strip("-"):
            raise _error(flag, "unexpected argument", "overrides look like --dotted.key VALUE")
        if not has_value:
            if not rest or rest[0].startswith("--"):
                raise _error(flag, "a value is missing", f"write {flag} VALUE or {flag}=VALUE")
            text = rest.pop(0)
        overrides.append(Override(_path(key), _value(key, text)))
    return tuple(overrides)


def value_at(dotted: str, value: Any) -> Override:
    """An override whose value is no text that would have to be read."""
    return Override(tuple(dotted.split(".")), value)


def apply_overrides(data: Mapping[str, Any], overrides: Iterable[Override]) -> dict[str, Any]:
    """A copy of `data` with every override in place; later ones win."""
    result = dict(data)
    for override in overrides:
        _set(result, override)
    return result


def _path(key: str) -> tuple[str, ...]:
    parts = tuple(key.removeprefix("--").replace("-", "_").split("."))
    if not all(parts):
        raise _error(key, "the key has an empty part", "write --one.two.three VALUE")
    return parts


def _value(key: str, text: str) -> Any:
    try:
        return parse_value(typed_text(text))
    except UnicodeEncodeError as error:
        raise _error(key, "this is not UTF-8 text", "check the terminal's encoding") from error
    except ConfigError as error:
        raise _error(key, str(error), "put text that begins like YAML in quotes") from error


def _set(target: dict[str, Any], override: Override) -> None:
    *parents, last = override.path
    for depth, part in enumerate(parents, start=1):
        inner = target.get(part)
        if inner is not None and not isinstance(inner, Mapping):
            above = ".".join(override.path[:depth])
            raise _error(f"--{override.dotted}", f"{above} is a value, not a mapping", "")
        target[part] = target = dict(inner or {})
    target[last] = override.value


def _error(flag: str, message: str, remedy: str) -> ConfigError:
    return config_error(message, path=flag, remedy=remedy, file=COMMAND_LINE)
