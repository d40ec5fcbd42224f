"""A row of the page."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """`what` is shown. `before`: what it may cost while nobody is admitted. `after`: what more it
    may cost then. `reads`: modules that read it, as paths of their package. `covers`: routes and
    message types of which this is the row, where `what` does not name them.

    `{streaming.limits.prompt_characters}` in a text is a key of the configuration with its default,
    `{matinee.wire.client_messages:MOST_PARTS}` a constant.
    """

    what: str
    before: str
    after: str = ""
    reads: tuple[str, ...] = ()
    covers: tuple[str, ...] = ()

    @property
    def names(self) -> frozenset[str]:
        """Routes and message types."""
        quoted = self.what.split("`")[1::2]
        return frozenset((*quoted, *self.covers))


@dataclass(frozen=True, slots=True)
class Section:
    """`columns`: the titles of `before` and `after`."""

    title: str
    intro: str
    columns: tuple[str, str]
    rows: tuple[Row, ...]
