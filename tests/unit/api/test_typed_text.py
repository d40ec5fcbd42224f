from __future__ import annotations

import subprocess
import sys

import pytest

from matinee_api.typed_text import typed_text

WORDS = ["a red ball 🟥", "🟥\u2028\U0001d4ea", "", "ü"]


@pytest.mark.parametrize("word", WORDS)
def test_text_is_what_was_typed(word: str) -> None:
    assert typed_text(word) == word


@pytest.mark.parametrize("word", ["\udcff", "a\ud83d"])
def test_bytes_that_are_no_text_are_refused(word: str) -> None:
    with pytest.raises(ValueError, match="surrogates not allowed"):
        typed_text(word)


def test_a_locale_without_unicode_changes_nothing() -> None:
    program = "import sys; from matinee_api.typed_text import typed_text as t; "
    program += (
        "assert sys.getfilesystemencoding() == 'ascii'; print(ascii([*map(t, sys.argv[1:])]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *WORDS],
        env={"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        capture_output=True,
        check=True,
    )
    assert done.stdout.decode().strip() == ascii(WORDS)
