"""Sentences as people write them, with words that the bundled model was never trained on, and what
they ask for; and how many of them end in a video that shows it.

`python -m tools.tiny_model.free_words` enhances 200 sentences as a server does, makes their videos
with the product's engine, recognises what these show, and prints one JSON line: the share of the
sentences whose text, and whose frames, have all four attributes. Without enhancement: `--plain`.
"""

import argparse
import asyncio
import json
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass

from matinee.prompt import TinyWriter

COLOURS = {
    "red": ("crimson", "scarlet", "ruby", "blood-red", "cherry red", "vermilion"),
    "green": ("emerald", "lime green", "olive", "moss green", "verdant", "jade"),
    "blue": ("navy", "azure", "cobalt", "sky blue", "royal blue", "sapphire"),
    "yellow": ("golden", "lemon", "amber", "mustard", "canary-yellow", "pale yellow"),
    "orange": ("tangerine", "apricot", "coral", "pumpkin", "bright orange", "copper"),
    "purple": ("violet", "lavender", "plum", "deep purple", "lilac", "amethyst"),
    "white": ("ivory", "snow-white", "alabaster", "pearl", "off-white", "chalk"),
    "black": ("ebony", "jet black", "charcoal", "onyx", "pitch-black", "inky"),
}
SHAPES = {
    "circle": ("sphere", "orb", "disc", "globe", "marble", "balloon"),
    "square": ("cube", "block", "tile", "crate", "four-sided shape", "parcel"),
    "triangle": ("pyramid", "wedge", "cone", "three-sided shape", "arrowhead", "triangle"),
}
DIRECTIONS = {
    "left": ("drifting west", "heading to the left", "coming from the right", "gliding leftwards"),
    "right": ("drifting east", "heading to the right", "going from left to right", "sailing east"),
    "up": ("rising slowly", "floating towards the sky", "climbing", "heading north"),
    "down": ("sinking", "falling gently", "heading south", "plunging towards the ground"),
}
PATTERNS = (
    "a {colour} {shape} {direction} over {background}",
    "{background} all around, and a {colour} {shape} {direction} across it",
    "I would love to see one {colour} {shape} {direction} against a {background} wall",
    "On {background}, a magnificent {colour} {shape} {direction}",
    "the {shape} is {colour}, it is {direction}, and the backdrop is {background}",
    "a weathered {shape}, {colour} from top to toe, {direction} on a field of {background}",
    "{colour} {shape} {direction}, {background} behind it",
    "In a {background} world, picture a glittering {colour} {shape} {direction}",
    "could you make a {shape} painted {colour} {direction} in front of a {background} curtain?",
    "{direction}: a {colour} {shape} upon {background}",
    "A {background} sky. A {colour} {shape} is {direction}.",
    "my favourite {colour} {shape}, {direction} through a {background} void!",
)
TOO_ALIKE = ({"orange", "red"}, {"orange", "yellow"}, {"yellow", "white"}, {"blue", "purple"})


@dataclass(frozen=True)
class Sentence:
    """Free words, and what the recogniser calls that which they ask for."""

    text: str
    colour: str
    shape: str
    direction: str
    background: str

    @property
    def canonical(self) -> str:
        """In the model's own words."""
        shape = {"circle": "ball"}.get(self.shape, self.shape)
        an = {True: "an", False: "a"}
        return (
            f"{an[self.colour == 'orange']} {self.colour} {shape} moving {self.direction} "
            f"on {an[self.background == 'orange']} {self.background} background"
        )


def sentences(count: int, seed: int = 0) -> Iterator[Sentence]:
    """All patterns in turn, with words drawn at random."""
    rng = random.Random(seed)  # noqa: S311
    for number in range(count):
        colour, background = _two_colours(rng)
        shape, direction = rng.choice([*SHAPES]), rng.choice([*DIRECTIONS])
        text = PATTERNS[number % len(PATTERNS)].format(
            colour=rng.choice(COLOURS[colour]),
            shape=rng.choice(SHAPES[shape]),
            direction=rng.choice(DIRECTIONS[direction]),
            background=rng.choice(COLOURS[background]),
        )
        yield Sentence(text, colour, shape, direction, background)


def _two_colours(rng: random.Random) -> tuple[str, str]:
    """Those that the recogniser can tell from each other."""
    while True:
        colour, background = rng.sample([*COLOURS], 2)
        if {colour, background} not in TOO_ALIKE:
            return colour, background


def enhanced(sentence: Sentence) -> str:
    """As a server does it."""
    return asyncio.run(TinyWriter().enhance(sentence.text)).text


def main() -> None:
    """Read the command line, measure, print one JSON line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sentences", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--plain", action="store_true", help="send the sentences as they are")
    parser.add_argument("--threads", type=int, default=2)
    asked = parser.parse_args()
    begun = time.monotonic()
    drawn = [*sentences(asked.sentences, asked.seed)]
    texts = [one.text if asked.plain else enhanced(one) for one in drawn]
    right = [text == one.canonical for text, one in zip(texts, drawn, strict=True)]
    shown = shown_by(texts, drawn, asked.threads)
    facts = {
        "text": sum(right) / len(right),
        "frames": sum(shown) / len(shown),
        **vars(asked),
        "seconds": round(time.monotonic() - begun, 1),
    }
    print(json.dumps(facts))


def shown_by(texts: list[str], drawn: list[Sentence], threads: int) -> list[bool]:
    """Of each text, whether its video shows all four attributes."""
    from tools.tiny_model.evaluate import hits  # they import torch, which the sentences do not need
    from tools.tiny_model.scenes import Scene
    from tools.tiny_model.segments import Request, engine_generate, load

    generate = engine_generate(load("builtin:tiny", threads))
    found = []
    for number, (text, one) in enumerate(zip(texts, drawn, strict=True)):
        frames = generate(Request(text, number)).frames
        wanted = Scene(one.colour, one.shape, one.direction, one.background)
        found.append(all(hits(frames, wanted).values()))
    return found


if __name__ == "__main__":
    main()
