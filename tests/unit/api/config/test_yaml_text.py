from __future__ import annotations

from typing import Any

import pytest

from matinee_api.config.errors import ConfigError
from matinee_api.config.yaml_text import parse_document, parse_documents, parse_value

VALUES: dict[str, tuple[str, Any]] = {
    "a whole number": ("7", 7),
    "a negative number": ("-3", -3),
    "a fraction": ("1.5", 1.5),
    "an exponent without a point is a number": ("1e-3", 0.001),
    "hexadecimal": ("0x1f", 31),
    "true": ("true", True),
    "YAML 1.1 has yes": ("yes", True),
    "null": ("null", None),
    "nothing is null": ("", None),
    "a date stays text": ("2026-01-01", "2026-01-01"),
    "a time stays text": ("1:30", "1:30"),
    "a prompt needs no quotes": ("a red ball: moving # left", "a red ball: moving # left"),
    "quotes make a number text": ("'7'", "7"),
    "a list": ("[1, a]", [1, "a"]),
    "a mapping": ("{a: 1}", {"a": 1}),
    "a merge key alone is text": ("<<", "<<"),
    "infinity stays text": (".inf", ".inf"),
}


@pytest.mark.parametrize("case", VALUES)
def test_a_typed_value_is_read_as_yaml_reads_it(case: str) -> None:
    text, value = VALUES[case]
    assert (parse_value(text), type(parse_value(text))) == (value, type(value))


BROKEN: dict[str, tuple[str, str]] = {
    "a key stands twice": (
        "a: 1\nb: 2\na: 3\n",
        "line 3, column 1: not valid YAML: the key 'a' stands twice in one mapping",
    ),
    "a nested key stands twice": (
        "a:\n  b: 1\n  b: 2\n",
        "line 3, column 3: not valid YAML: the key 'b' stands twice in one mapping",
    ),
    "a bracket is open": (
        "a: [1",
        "line 1, column 6: not valid YAML: expected ',' or ']', but got '<stream end>'",
    ),
    "a tab indents": (
        "a:\n\tb: 1",
        "line 2, column 1: not valid YAML: found character '\\t' that cannot start any token",
    ),
    "an alias has no anchor": (
        "a: *b",
        "line 1, column 4: not valid YAML: found undefined alias 'b'",
    ),
    "a key is a list": ("? [a]\n: 1", "line 1, column 3: not valid YAML: found unhashable key"),
    "a tag that JSON does not know": (
        "a: !!set {b}",
        "line 1, column 4: not valid YAML: could not determine a constructor for the tag "
        "'tag:yaml.org,2002:set'",
    ),
    "a control character": (
        "a: \x01",
        "not valid YAML: unacceptable character #x0001: special characters are not allowed",
    ),
    "brackets without end": ("[" * 500, "not valid YAML: nested too deeply"),
    "two documents": (
        "a: 1\n---\nb: 2",
        "expected one YAML document, got 2; remove the lines `---`",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_yaml_is_told_with_its_place(case: str) -> None:
    text, message = BROKEN[case]
    with pytest.raises(ConfigError) as caught:
        parse_document(text)
    assert str(caught.value) == message


def test_a_number_with_thousands_of_digits_is_refused() -> None:
    with pytest.raises(ConfigError, match="not valid YAML"):
        parse_document(f"a: {'9' * 5000}")


def test_merge_keys_work_and_do_not_count_as_twins() -> None:
    text = "base: &base {a: 1, b: 2}\nderived: {<<: *base, b: 3}"
    assert parse_document(text)["derived"] == {"a": 1, "b": 3}


def test_empty_documents_are_left_out() -> None:
    assert parse_documents("---\n---\na: 1\n---\n") == [{"a": 1}]


def test_json_is_yaml() -> None:
    assert parse_document('{"a": [1, 2.5, null, true, "x"]}') == {"a": [1, 2.5, None, True, "x"]}
