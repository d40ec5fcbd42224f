"""A word of the command line -> the text that was typed, in any locale."""

from __future__ import annotations

import os


def typed_text(word: str) -> str:
    """Python decodes the command line as the locale says, which need not be what the terminal
    writes: UTF-8 in the C locale, for one. Bytes that are UTF-8 are taken as that.

    Raises:
        ValueError: they are no text of either kind.
    """
    try:
        return os.fsencode(word).decode()
    except ValueError:  # it is not UTF-8, or not of this locale: no word of a command line
        word.encode()
        return word
