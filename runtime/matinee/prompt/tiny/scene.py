"""A free sentence -> the scene that it asks for, as far as the bundled model knows it. Pure.

The sentence becomes mentions of colours, shapes and directions, each with its place in it; a colour
belongs to the thing or to the background by what stands around it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field

from matinee.prompt.tiny.words import (
    BACKDROPS,
    BEFORE_BACKDROPS,
    COLOURS,
    DIRECTIONS,
    IN_FRONT,
    KNOWN,
    LINKS,
    LOOKS,
    MOST_READ,
    NO_THING,
    OPPOSITE,
    QUIET,
    ROUNDNESS,
    SCENERY,
    SHAPES,
    VERBS,
    Meanings,
)

MOST_WORDS = 200
"""Of a sentence; what comes later is not read."""
LONGEST_PHRASE = 4
MOST_BETWEEN = 3
"""Words between a colour and what has it."""

_WORD = re.compile(r"[a-z]+(?:-[a-z]+)*|[.,;:!?]")


@dataclass(frozen=True, slots=True)
class Scene:
    """In the model's own words; None: the sentence does not say. `thing`: a noun that the model
    does not know, where there is no `shape`."""

    colour: str | None = None
    shape: str | None = None
    direction: str | None = None
    background: str | None = None
    thing: str | None = None

    @property
    def known(self) -> bool:
        """Whether anything is."""
        return any((self.colour, self.shape, self.direction, self.background))

    @property
    def sentence(self) -> str:
        """As the model was trained to hear it; what is not known is left out."""
        noun = self.shape or self.thing or "thing"
        words = [_article(self.colour or noun), self.colour, noun]
        if self.direction:
            words += ["moving", self.direction]
        if self.background:
            words += ["on", _article(self.background), self.background, "background"]
        return " ".join(filter(None, words))


@dataclass(frozen=True, slots=True)
class Reading:
    """`said`: of each word of the model's the one that was read as it, where they differ. `clear`:
    the model reads the sentence as it is."""

    scene: Scene
    said: dict[str, str] = field(default_factory=dict)
    clear: bool = False


@dataclass(frozen=True, slots=True)
class _Mention:
    """Words `start` to `end` of the sentence, and what the model calls them."""

    start: int
    end: int
    name: str
    text: str


def read(prompt: str) -> Reading:
    """Whatever the text is, this takes a time that grows with `MOST_WORDS` only."""
    return _Reader(_words(prompt)).read()


def _words(prompt: str) -> list[str]:
    text = unicodedata.normalize("NFKC", prompt[: 40 * MOST_WORDS]).lower()
    return _WORD.findall(text)[:MOST_WORDS]


def _article(word: str) -> str:
    return "an" if word[0] in "aeiou" else "a"


def _name(mention: _Mention | None) -> str | None:
    return None if mention is None else mention.name


class _Reader:
    def __init__(self, words: list[str]) -> None:
        self._words = words
        self._shapes = [*self._mentions(SHAPES)]
        self._colours = [*_joined(self._mentions(COLOURS, parts=True))]

    def read(self) -> Reading:
        shape = self._shape()
        direction = self._direction()
        colour, background = self._two_colours(shape)
        if background is None:
            background = self._scenery(colour)
        if colour is None and shape is not None and shape.text in LOOKS:
            colour = _Mention(shape.start, shape.end, LOOKS[shape.text], shape.text)
        found = [one for one in (colour, shape, direction, background) if one is not None]
        said = {one.name: one.text for one in found if one.text != one.name}
        thing = self._unknown_thing(colour) if shape is None else None
        scene = Scene(_name(colour), _name(shape), _name(direction), _name(background), thing)
        words = [word for word in self._words if word.isalpha()]
        return Reading(scene, said, clear=len(words) <= MOST_READ and KNOWN.issuperset(words))

    def _mentions(self, meanings: Meanings, *, parts: bool = False) -> Iterator[_Mention]:
        """The longest phrases, from left to right. `parts`: of words with hyphens, too."""
        at = 0
        while at < len(self._words):
            found = self._mention(meanings, at, parts=parts)
            if found is not None:
                yield found
            at = at + 1 if found is None else found.end

    def _mention(self, meanings: Meanings, at: int, *, parts: bool) -> _Mention | None:
        for length in range(LONGEST_PHRASE, 0, -1):
            phrase = tuple(self._words[at : at + length])
            if len(phrase) == length and (name := meanings.get(phrase)):
                return _Mention(at, at + length, name, " ".join(phrase))
        word = self._words[at]
        for form in (word.removesuffix("s"), *(word.split("-")[::-1] if parts else ())):
            if name := meanings.get((form,)):
                return _Mention(at, at + 1, name, word)
        return None

    def _shape(self) -> _Mention | None:
        """The first that is a noun: "a round green box" is a box."""
        nouns = (one for one in self._shapes if one.text not in ROUNDNESS)
        return next(nouns, None) or next(iter(self._shapes), None)

    def _direction(self) -> _Mention | None:
        explicit = [one for one in self._mentions(DIRECTIONS) if not self._is_empty(one)]
        towards = [one for one in explicit if not self._comes_after(one, "from")]
        if towards:
            return towards[0]
        if explicit:
            one = explicit[0]
            return _Mention(one.start, one.end, OPPOSITE[one.name], f"from {one.text}")
        return next(self._mentions(VERBS), None)

    def _is_empty(self, one: _Mention) -> bool:
        """ "right now" says nothing about where."""
        return one.text == "right" and self._at(one.end) in ("now", "away", "there", "here")

    def _comes_after(self, one: _Mention, word: str) -> bool:
        before = [word for word in self._words[max(0, one.start - 2) : one.start] if word != "the"]
        return len(one.text.split()) == 1 and before[-1:] == [word]

    # Whose a colour is

    def _two_colours(self, shape: _Mention | None) -> tuple[_Mention | None, _Mention | None]:
        """Of the thing and of the background."""
        things: list[_Mention] = []
        behind: list[_Mention] = []
        others: list[_Mention] = []
        for colour in self._colours:
            is_things = self._is_things(colour, shape)
            (others if is_things is None else things if is_things else behind).append(colour)
        others += things[1:]
        thing = things[0] if things else None
        background = behind[0] if behind else None
        if thing is None and others:
            thing = others.pop(0)
        if background is None and others:
            background = others.pop(0)
        return thing, background

    def _is_things(self, colour: _Mention, shape: _Mention | None) -> bool | None:
        """None: nothing tells."""
        if self._first_after(colour) in BACKDROPS or self._hangs_on(colour, BACKDROPS):
            return False
        gap, lies_behind = self._gap(colour), self._comes_after_preposition(colour)
        if any(0 <= one.start - colour.end <= gap for one in self._shapes):
            return None if lies_behind else True
        if lies_behind or "behind" in self._words[colour.end : colour.end + 2]:
            return False
        named = frozenset() if shape is None else frozenset(shape.text.split())
        return True if self._hangs_on(colour, named) else None

    def _gap(self, colour: _Mention) -> int:
        """How many quiet words follow."""
        for between in range(MOST_BETWEEN):
            if self._at(colour.end + between) not in QUIET:
                return between
        return MOST_BETWEEN

    def _first_after(self, colour: _Mention) -> str:
        return self._at(colour.end + self._gap(colour))

    def _before(self, one: _Mention, quiet: frozenset[str] = QUIET) -> list[str]:
        """Some words before it, without the quiet ones right there."""
        words = self._words[max(0, one.start - 8) : one.start]
        while words and words[-1] in quiet:
            words.pop()
        return words

    def _comes_after_preposition(self, one: _Mention) -> bool:
        before = self._before(one)
        if " ".join(before[-2:]) in IN_FRONT or " ".join(before[-3:]) in IN_FRONT:
            return True
        return bool(before) and before[-1] in BEFORE_BACKDROPS

    def _hangs_on(self, colour: _Mention, nouns: frozenset[str]) -> bool:
        """ "a field of navy", "the wall is white", "a sphere painted crimson"."""
        before = self._before(colour, QUIET | LINKS)
        between = self._words[max(0, colour.start - 8) : colour.start][len(before) :]
        return bool(before) and before[-1] in nouns and not LINKS.isdisjoint(between)

    def _scenery(self, colour: _Mention | None) -> _Mention | None:
        """What lies behind and has a colour of its own."""
        for one in self._mentions(SCENERY):
            overlaps = colour is not None and one.start < colour.end and colour.start < one.end
            within = self._before(one)[-1:] in (["in"], ["into"], ["at"])
            if not overlaps and (within or self._comes_after_preposition(one)):
                return one
        return None

    def _unknown_thing(self, colour: _Mention | None) -> str | None:
        """The noun after the colour."""
        if colour is None:
            return None
        word = self._first_after(colour)
        is_noun = word.isalpha() and word not in NO_THING | BACKDROPS | BEFORE_BACKDROPS | QUIET
        return word if is_noun and not word.endswith("ing") else None

    def _at(self, index: int) -> str:
        return self._words[index] if 0 <= index < len(self._words) else ""


def _joined(mentions: Iterator[_Mention]) -> Iterator[_Mention]:
    """Colours beside each other are one: the last says which ("navy blue", "sky blue")."""
    last: _Mention | None = None
    for one in mentions:
        if last is not None and last.end == one.start:
            last = _Mention(last.start, one.end, one.name, f"{last.text} {one.text}")
            continue
        if last is not None:
            yield last
        last = one
    if last is not None:
        yield last
