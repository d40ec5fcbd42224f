"""The bundled model's own writer. It says what it changed, and leaves alone what it cannot map."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from itertools import islice

from matinee.prompt.tiny.scene import Reading, Scene, read
from matinee.prompt.writing import Written
from matinee.wire.client_messages import MOST_REWRITES

TURNS = {"left": "up", "up": "right", "right": "down", "down": "left"}
COLOURS = ("red", "yellow", "green", "white", "purple", "orange", "blue", "black")
SHAPES = ("ball", "square", "triangle")
TOO_ALIKE = (
    {"orange", "red"},
    {"orange", "yellow"},
    {"yellow", "white"},
    {"blue", "purple"},
)
"""Colours that the model was not trained to tell from each other."""
USUAL = Scene("red", "ball", "left", "blue")
NOT_KNOWN = (
    "nothing in this prompt is known to the bundled model: it shows a ball, a square or a triangle "
    "in one colour, moving left, right, up or down on another"
)


class TinyWriter:
    """See `Writer`. It takes no time, and cannot fail."""

    async def enhance(self, prompt: str) -> Written:
        reading = read(prompt)
        if reading.clear:
            return Written(prompt)
        if not reading.scene.known:
            return Written(prompt, (NOT_KNOWN,))
        return Written(reading.scene.sentence, tuple(_changes(reading)))

    async def extend(self, past: tuple[str, ...]) -> Written:
        """It turns, and after a full turn it has another colour."""
        scene = read(past[-1]).scene
        if not scene.known:
            return Written(past[-1])
        return Written(_after(_complete(scene)).sentence)

    async def rewrite(self, prompt: str, count: int) -> tuple[str, ...]:
        """First what was understood, then others like it."""
        scene = _complete(read(prompt).scene)
        others = islice(_variations(scene), 4 * MOST_REWRITES)
        texts = dict.fromkeys(one.sentence for one in (scene, *others))
        texts.pop(prompt, None)
        return tuple(islice(texts, count))

    def reload(self) -> None:
        """It was told nothing."""

    async def close(self) -> None:
        """It holds nothing open."""


def _changes(reading: Reading) -> Iterator[str]:
    words = [f'"{said}" as {name}' for name, said in reading.said.items()]
    if words:
        yield f"enhanced: {', '.join(words)}"
    elif reading.scene.thing is None:
        yield "enhanced: in words that the bundled model knows"
    if reading.scene.thing is not None:
        yield f'the bundled model does not know "{reading.scene.thing}"'


def _complete(scene: Scene) -> Scene:
    """What is not said is as usual, so that the thing can be seen."""
    colour = scene.colour or _other(scene.background or USUAL.background)
    return Scene(
        colour=colour,
        shape=scene.shape or USUAL.shape,
        direction=scene.direction or USUAL.direction,
        background=scene.background or _other(colour, USUAL.background),
    )


def _after(scene: Scene) -> Scene:
    direction = TURNS[scene.direction or "left"]
    colour = _following(scene.colour, scene.background) if direction == "left" else scene.colour
    return dataclasses.replace(scene, direction=direction, colour=colour)


def _variations(scene: Scene) -> Iterator[Scene]:
    """Without end; each differs in one thing from the one before."""
    while True:
        scene = dataclasses.replace(scene, direction=TURNS[scene.direction or "left"])
        yield scene
        scene = dataclasses.replace(scene, colour=_following(scene.colour, scene.background))
        yield scene
        following = SHAPES[(_shape_number(scene.shape) + 1) % len(SHAPES)]
        scene = dataclasses.replace(scene, shape=following)
        yield scene
        scene = dataclasses.replace(scene, background=_following(scene.background, scene.colour))
        yield scene


def _shape_number(shape: str | None) -> int:
    return SHAPES.index({"circle": "ball", "box": "square"}.get(shape or "", shape or "ball"))


def _following(colour: str | None, beside: str | None) -> str:
    """The next colour that can be seen beside another."""
    at = COLOURS.index(colour or "black")
    return next(one for one in (*COLOURS[at + 1 :], *COLOURS) if _differs(one, beside))


def _other(beside: str | None, wanted: str | None = None) -> str:
    """A colour that can be seen beside that one, `wanted` if it can."""
    choice = (wanted, *COLOURS) if wanted else COLOURS
    return next(one for one in choice if _differs(one, beside))


def _differs(colour: str, beside: str | None) -> bool:
    return colour != beside and {colour, beside} not in TOO_ALIKE
