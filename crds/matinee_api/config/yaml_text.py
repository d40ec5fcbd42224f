"""YAML (or JSON) text -> plain data: mappings, lists, text, numbers, booleans and nothing else.

The dialect is that of `kubectl`, so that a file means the same to it and to us: YAML 1.1 booleans
(`yes`, `off`), but no dates (`2026-01-01` stays text), no base-60 numbers (`1:30` stays text), and
`1e-3` is a number. A key that stands twice in one mapping is an error.

The text may come from anybody. What it becomes is bounded while it is read: `MAX_TEXT_BYTES`,
`MAX_VALUES` with every alias counted as often as it stands, `MAX_DEPTH`, `MAX_DIGITS`. All of it
is Python, so that a signal is seen at once.
"""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Iterator
from typing import Any

import yaml

from matinee_api.config.errors import ConfigError, config_error

_TAG = "tag:yaml.org,2002:"
_KEPT_PATTERNS = {f"{_TAG}{name}" for name in ("null", "bool", "merge")}
_DROPPED_TYPES = {f"{_TAG}{name}" for name in ("binary", "omap", "pairs", "set", "timestamp")}


MAX_TEXT_BYTES = 2**20
"""A file's. A hundred times the largest example, and read within seconds."""
MAX_VALUES = 50_000
"""Mappings, lists, keys and scalars, of all documents of a text."""
MAX_DEPTH = 64
"""Mappings and lists in each other. A resource has about twelve."""
MAX_DIGITS = 100
"""Characters of a number: more than 64 bits have in any base."""


class _Loader(yaml.SafeLoader):
    """SafeLoader narrowed to the dialect and the bounds above."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML's way: a class holds its own table
        first: [(tag, pattern) for tag, pattern in pairs if tag in _KEPT_PATTERNS]
        for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    yaml_constructors = {  # noqa: RUF012 - as above
        tag: construct
        for tag, construct in yaml.SafeLoader.yaml_constructors.items()
        if tag not in _DROPPED_TYPES
    }

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._values = 0
        self._depth = 0
        self._values_of_anchor: dict[str, int] = {}

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Called for every value and every key, in the order of the text."""
        event = self.peek_event()  # type: ignore[no-untyped-call]
        anchor = event.anchor
        if isinstance(event, yaml.AliasEvent):
            self._count(self._values_of_anchor.get(anchor, 1), event)
            return super().compose_node(parent, index)
        before = self._values
        self._count(1, event)
        self._values_of_anchor[anchor] = MAX_VALUES  # inside itself it has no end
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise _refused(f"nested too deeply; at most {MAX_DEPTH} in each other", event)
        node = super().compose_node(parent, index)
        self._depth -= 1
        self._values_of_anchor[anchor] = self._values - before
        return node

    def compose_scalar_node(self, anchor: Any) -> yaml.ScalarNode:
        node = super().compose_scalar_node(anchor)
        if not node.value.isascii():
            node.value = _whole_characters(node)
        return node

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == f"{_TAG}merge":
                continue
            if key.value in seen:
                raise _refused(f"the key {key.value[:60]!r} stands twice in one mapping", key)
            seen.add(key.value)
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """`!!bool maybe`, `!!int ""` and the like are mistakes of the text, not of ours."""
        if not isinstance(node, yaml.ScalarNode):
            return super().construct_object(node, deep=deep)
        is_number = node.tag in (f"{_TAG}int", f"{_TAG}float")
        if is_number and len(node.value) > MAX_DIGITS:
            raise _refused(f"a number has at most {MAX_DIGITS} digits", node)
        try:
            value = super().construct_object(node, deep=deep)
        except (ValueError, LookupError) as error:
            wanted = str(node.tag).removeprefix(_TAG)
            raise _refused(f"{node.value[:60]!r} is no {wanted}", node) from error
        if isinstance(value, float) and not math.isfinite(value):
            raise _refused(f"{node.value!r} is too large for a number", node)
        return value

    def _count(self, values: int, event: yaml.Event) -> None:
        self._values += values
        if self._values > MAX_VALUES:
            raise _refused(
                f"more than {MAX_VALUES} values, aliases counted as often as used", event
            )


def _whole_characters(node: yaml.ScalarNode) -> str:
    """JSON writes a character beyond U+FFFF as two halves, `\\ud83d\\udfe5`, which PyYAML leaves
    apart."""
    try:
        return str(node.value).encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError as error:
        raise _refused("half a character; write it whole, or as both its halves", node) from error


def _refused(problem: str, at: yaml.Event | yaml.Node) -> yaml.MarkedYAMLError:
    mark: Any = at.start_mark
    return yaml.MarkedYAMLError(problem=problem, problem_mark=mark)


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
    if len(text) > MAX_TEXT_BYTES:
        raise config_error(f"more than {MAX_TEXT_BYTES // 2**20} MiB of text", remedy="split it")
    with _told_as_config_errors():
        documents = list(yaml.load_all(text, _Loader))
    return [document for document in documents if document is not None]


@contextlib.contextmanager
def _told_as_config_errors() -> Iterator[None]:
    try:
        yield
    except yaml.MarkedYAMLError as error:
        raise _syntax_error(error) from error
    except (yaml.YAMLError, ValueError, OverflowError) as error:  # a character that is none
        raise config_error(f"not valid YAML: {str(error).splitlines()[0][:200]}") from error


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
    with _told_as_config_errors():
        loader = _Loader("")
        tag = loader.resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]
        known = tag if tag in loader.yaml_constructors else f"{_TAG}str"
        return loader.construct_object(yaml.ScalarNode(known, text))


def _syntax_error(error: yaml.MarkedYAMLError) -> ConfigError:
    mark = error.problem_mark or error.context_mark
    where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    problem = str(error.problem or error.context)[:200]  # it may quote the text
    return config_error(f"not valid YAML: {problem}", path=where)
