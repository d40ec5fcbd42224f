"""A number that a program wrote into a label, an annotation or a name, and that somebody may have
edited since.
"""

from __future__ import annotations

MOST_DIGITS = 9
"""Nothing is counted so far."""


def whole_number(text: str) -> int | None:
    """None for everything but a few plain digits."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= MOST_DIGITS else None
