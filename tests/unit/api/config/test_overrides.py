from __future__ import annotations

from typing import Any

import pytest

from matinee_api.config.errors import ConfigError
from matinee_api.config.overrides import apply_overrides, parse_overrides

CASES: dict[str, tuple[dict[str, Any], list[str], dict[str, Any]]] = {
    "no words change nothing": ({"a": 1}, [], {"a": 1}),
    "a value in its own word": ({"a": 1}, ["--a", "2"], {"a": 2}),
    "a value after an equals sign": ({"a": 1}, ["--a=2"], {"a": 2}),
    "a value with an equals sign in it": ({}, ["--a=b=c"], {"a": "b=c"}),
    "a dotted path keeps its neighbours": (
        {"a": {"b": 1, "c": 2}},
        ["--a.b", "3"],
        {"a": {"b": 3, "c": 2}},
    ),
    "a path that is not there yet": ({}, ["--a.b.c", "3"], {"a": {"b": {"c": 3}}}),
    "an empty mapping in the file": ({"a": None}, ["--a.b", "3"], {"a": {"b": 3}}),
    "a dash in a key stands for an underscore": ({}, ["--num-frames", "9"], {"num_frames": 9}),
    "a negative number is a value": ({}, ["--a", "-1"], {"a": -1}),
    "the last one wins": ({}, ["--a=1", "--a=2"], {"a": 2}),
    "a list": ({}, ["--a", "[x, 1]"], {"a": ["x", 1]}),
    "an empty value is null": ({"a": 1}, ["--a="], {"a": None}),
}


@pytest.mark.parametrize("case", CASES)
def test_overrides_are_laid_over_the_data(case: str) -> None:
    data, words, expected = CASES[case]
    assert apply_overrides(data, parse_overrides(words)) == expected


def test_the_loaded_data_is_left_as_it_is() -> None:
    data = {"a": {"b": 1}}
    apply_overrides(data, parse_overrides(["--a.b", "2"]))
    assert data == {"a": {"b": 1}}


BROKEN: dict[str, tuple[list[str], str]] = {
    "a word without dashes": (
        ["x"],
        "command line: x: unexpected argument; overrides look like --dotted.key VALUE",
    ),
    "dashes alone": (
        ["--", "1"],
        "command line: --: unexpected argument; overrides look like --dotted.key VALUE",
    ),
    "no value at the end": (
        ["--a.b"],
        "command line: --a.b: a value is missing; write --a.b VALUE or --a.b=VALUE",
    ),
    "another key where the value should be": (
        ["--a", "--b", "1"],
        "command line: --a: a value is missing; write --a VALUE or --a=VALUE",
    ),
    "an empty part": (
        ["--a..b", "1"],
        "command line: --a..b: the key has an empty part; write --one.two.three VALUE",
    ),
    "a path through a value": (
        ["--a=1", "--a.b=2"],
        "command line: --a.b: a is a value, not a mapping",
    ),
    "bytes that are no text": (
        ["--a", "\udcff"],
        "command line: --a: this is not UTF-8 text; check the terminal's encoding",
    ),
    "a list that does not end": (
        ["--a", "[1"],
        "command line: --a: line 1, column 3: not valid YAML: expected ',' or ']', but got "
        "'<stream end>'; put text that begins like YAML in quotes",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_mistake_on_the_command_line_is_told_in_its_words(case: str) -> None:
    words, message = BROKEN[case]
    with pytest.raises(ConfigError) as caught:
        apply_overrides({}, parse_overrides(words))
    assert str(caught.value) == message
