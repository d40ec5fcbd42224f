"""Text that a stranger wrote -> text that only says something, wherever it is shown.

Terminals obey control characters (a title, a colour, a line above, the clipboard), and a line
break begins what looks like another line of a log. Characters that turn the direction of writing
or that cannot be seen make text read as what it is not. All of these are shown as JSON writes
them, `\\u001b`, so that escaped text may stand in a JSON string as it is. Other text, in any
script and with emoji, stays as it is.
"""

from __future__ import annotations

import re

MAX_CHARACTERS = 2000
"""Of one thing that is shown; what is longer is cut."""

_UNSAFE = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f"  # controls
    "\u00ad\u180e\u200b\u2060-\u2064\ufeff\ufff9-\ufffb"  # cannot be seen
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u206f"  # direction
    "\u2028\u2029"  # line and paragraph
    "\ud800-\udfff"  # halves of characters, which cannot be written
    "]"
)


def plain(text: str, max_characters: int = MAX_CHARACTERS) -> str:
    """One line that shows `text`, of at most `max_characters`."""
    shown = escaped(text[:max_characters])
    if len(text) > max_characters or len(shown) > max_characters:
        return f"{shown[: max_characters - 1]}…"
    return shown


def plain_lines(text: str, max_characters: int = MAX_CHARACTERS) -> str:
    """The same for text that may have several lines, such as a traceback."""
    return "\n".join(plain(line, max_characters) for line in text[:max_characters].split("\n"))


def escaped(text: str) -> str:
    """The whole text."""
    return text if text.isprintable() else _UNSAFE.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"
