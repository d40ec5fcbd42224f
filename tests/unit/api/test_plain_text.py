from __future__ import annotations

import json

import pytest

from matinee_api.plain_text import plain, plain_lines

SHOWN: dict[str, tuple[str, str]] = {
    "words": ("a red ball", "a red ball"),
    "other scripts": (
        "un ballon rouge, 一个红球, كرة حمراء",
        "un ballon rouge, 一个红球, كرة حمراء",
    ),
    "an emoji of several characters": ("👩‍🚀 ❤️", "👩‍🚀 ❤️"),
    "a space that is wider": ("a\u3000b", "a\u3000b"),
    "a colour": ("\x1b[31mred", "\\u001b[31mred"),
    "the clipboard": ("\x1b]52;c;aGk=\x07", "\\u001b]52;c;aGk=\\u0007"),
    "an escape of one character": ("\x9b2J", "\\u009b2J"),
    "a line over the one before": ("done\rfailed", "done\\u000dfailed"),
    "another line of a log": ("a\n12:00:00 INFO all is well", "a\\u000a12:00:00 INFO all is well"),
    "a separator of lines": ("a\u2028b", "a\\u2028b"),
    "a name that is turned round": ("video\u202e4pm.exe", "video\\u202e4pm.exe"),
    "what cannot be seen": ("ad\u200bmin", "ad\\u200bmin"),
    "half a character": ("a\ud83d", "a\\ud83d"),
    "a zero": ("a\0b", "a\\u0000b"),
}


@pytest.mark.parametrize("case", SHOWN)
def test_only_what_says_something_is_shown_as_it_is(case: str) -> None:
    text, shown = SHOWN[case]
    assert plain(text) == shown
    assert plain(shown) == shown
    assert json.loads(f'"{shown}"') == text


def test_long_text_is_cut_before_it_is_looked_at() -> None:
    assert plain("a" * 10, 4) == "aaa…"
    assert plain("\x1b" * 10, 8) == "\\u001b\\…"


def test_lines_stay_lines_where_there_may_be_several() -> None:
    assert plain_lines("a\x1bb\nc\rd") == "a\\u001bb\nc\\u000dd"
