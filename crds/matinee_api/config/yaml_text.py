"""YAML (or JSON) text -> plain data: mappings, lists, text, numbers, booleans and nothing else.

The dialect is that of `kubectl`, so that a file means the same to it and to us: YAML 1.1 booleans
(`yes`, `off`), but no dates (`2026-01-01` stays text), no base-60 numbers (`1:30` stays text), and
`1e-3` is a number. A key that stands twice in one mapping is an error.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from matinee_api.config.errors import ConfigError, config_error

_TAG = "tag:yaml.org,2002:"
_KEPT_PATTERNS = {f"{_TAG}{name}" for name in ("null", "bool", "merge")}
_DROPPED_TYPES = {f"{_TAG}{name}" for name in ("binary", "omap", "pairs", "set", "timestamp")}


class _Loader(yaml.SafeLoader):
    """SafeLoader narrowed to the dialect above."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML's way: a class holds its own table
        first: [(tag, pattern) for tag, pattern in pairs if tag in _KEPT_PATTERNS]
        for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    yaml_constructors = {  # noqa: RUF012 - as above
        tag: construct
        for tag, construct in yaml.SafeLoader.yaml_constructors.items()
        if tag not in _DROPPED_TYPES
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == f"{_TAG}merge":
                continue
            if key.value in seen:
                message = f"the key {key.value!r} stands twice in one mapping"
                raise yaml.constructor.ConstructorError(None, None, message, key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


_Loader.add_implicit_resolver(
    f"{_TAG}int",
    re.compile(r"[-+]?(?:0b[01]+|0x[0-9a-fA-F]+|0[0-7]*|[1-9]\d*)\Z"),
    list("-+0123456789"),
)
_Loader.add_implicit_resolver(
    f"{_TAG}float",
    re.compile(r"[-+]?(?:\d+\.\d*|\.\d+|\d+(?=[eE]))(?:[eE][-+]?\d+)?\Z"),
    list("-+.0123456789"),
)


def parse_documents(text: str) -> list[Any]:
    """Every document of the text, empty ones left out."""
    try:
        documents = list(yaml.load_all(text, _Loader))
    except yaml.MarkedYAMLError as error:
        raise _syntax_error(error) from error
    except (yaml.YAMLError, ValueError) as error:  # a character or a number that cannot be read
        raise config_error(f"not valid YAML: {str(error).splitlines()[0]}") from error
    except RecursionError as error:
        raise config_error("not valid YAML: nested too deeply") from error
    return [document for document in documents if document is not None]


def parse_document(text: str) -> Any:
    """The one document of the text; None when it is empty."""
    documents = parse_documents(text)
    if len(documents) > 1:
        raise config_error(
            f"expected one YAML document, got {len(documents)}", remedy="remove the lines `---`"
        )
    return documents[0] if documents else None


def parse_value(text: str) -> Any:
    """A value as it is typed on a command line: `7`, `true`, `[a, b]`, `a red ball: moving`.

    Only what begins like a list, a mapping or a quoted text is parsed as such, so that a prompt
    needs no quotes.
    """
    if text[:1] in ("[", "{", '"', "'"):
        return parse_document(text)
    loader = _Loader("")
    tag = loader.resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]
    known = tag if tag in loader.yaml_constructors else f"{_TAG}str"
    return loader.construct_object(yaml.ScalarNode(known, text))


def _syntax_error(error: yaml.MarkedYAMLError) -> ConfigError:
    mark = error.problem_mark or error.context_mark
    where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    return config_error(f"not valid YAML: {error.problem or error.context}", path=where)
