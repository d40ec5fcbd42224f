from __future__ import annotations

from typing import Any

import pytest

from matinee_api.config.errors import ConfigError
from matinee_api.config.yaml_text import (
    MAX_TEXT_BYTES,
    parse_document,
    parse_documents,
    parse_value,
)

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
    "brackets without end": (
        "[" * 500,
        "line 1, column 65: not valid YAML: nested too deeply; at most 64 in each other",
    ),
    "aliases that double ten times over": (
        "\n".join(f"a{i + 1}: &a{i + 1} [{', '.join([f'*a{i}'] * 10)}]" for i in range(9)).replace(
            "*a0", "x"
        ),
        "line 5, column 25: not valid YAML: more than 50000 values, aliases counted as often as "
        "used",
    ),
    "an alias of itself": (
        "a: &a [*a]",
        "line 1, column 8: not valid YAML: more than 50000 values, aliases counted as often as "
        "used",
    ),
    "a number of thousands of digits": (
        f"a: {'9' * 5000}",
        "line 1, column 4: not valid YAML: a number has at most 100 digits",
    ),
    "a number of thousands of digits in hexadecimal": (
        f"a: 0x{'f' * 5000}",
        "line 1, column 4: not valid YAML: a number has at most 100 digits",
    ),
    "a number that is infinite": (
        "a: 1e999",
        "line 1, column 4: not valid YAML: '1e999' is too large for a number",
    ),
    "a tag that does not fit": (
        "a: !!bool maybe",
        "line 1, column 4: not valid YAML: 'maybe' is no bool",
    ),
    "a number that is empty": ('a: !!int ""', "line 1, column 4: not valid YAML: '' is no int"),
    "a character that cannot be": (
        'a: "\\UFFFFFFFF"',
        "not valid YAML: Python int too large to convert to C int",
    ),
    "a tag that runs code": (
        "a: !!python/object/apply:os.system [ls]",
        "line 1, column 4: not valid YAML: could not determine a constructor for the tag "
        "'tag:yaml.org,2002:python/object/apply:os.system'",
    ),
    "megabytes": ("a" * (MAX_TEXT_BYTES + 1), "more than 1 MiB of text; split it"),
    "two documents": (
        "a: 1\n---\nb: 2",
        "expected one YAML document, got 2; remove the lines `---`",
    ),
    "half a character": (
        'a: "\\ud83d"',
        "line 1, column 4: not valid YAML: half a character; write it whole, or as both its halves",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_yaml_is_told_with_its_place(case: str) -> None:
    text, message = BROKEN[case]
    with pytest.raises(ConfigError) as caught:
        parse_document(text)
    assert str(caught.value) == message


def test_the_halves_that_json_writes_are_one_character() -> None:
    assert parse_document('{"\\ud83d\\udfe5": ["a \\ud83d\\udfe5 ball"]}') == {"🟥": ["a 🟥 ball"]}
    assert parse_value('"\\ud83d\\udfe5"') == "🟥"


@pytest.mark.parametrize("text", ["9" * 5000, "0x" + "f" * 5000, "1e999"])
def test_a_typed_number_is_bounded_too(text: str) -> None:
    with pytest.raises(ConfigError, match="not valid YAML"):
        parse_value(text)


def test_aliases_are_fine_while_what_they_say_is_bounded() -> None:
    lists = [f"- &a{number} [x]\n- *a{number}\n" for number in range(100)]
    assert parse_document("".join(lists)) == [["x"]] * 200


def test_a_merged_key_that_is_overridden_is_no_twin_where_it_is_merged_again() -> None:
    text = "x: {y: &a {<<: {k: 1}, k: 2}}\nz: {<<: *a}"
    assert parse_document(text) == {"x": {"y": {"k": 2}}, "z": {"k": 2}}


def test_merge_keys_work_and_do_not_count_as_twins() -> None:
    text = "base: &base {a: 1, b: 2}\nderived: {<<: *base, b: 3}"
    assert parse_document(text)["derived"] == {"a": 1, "b": 3}


def test_empty_documents_are_left_out() -> None:
    assert parse_documents("---\n---\na: 1\n---\n") == [{"a": 1}]


def test_json_is_yaml() -> None:
    assert parse_document('{"a": [1, 2.5, null, true, "x"]}') == {"a": [1, 2.5, None, True, "x"]}
