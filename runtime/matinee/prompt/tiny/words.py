"""The words that people use for what the bundled model can show, by what it calls that itself.

A scene of it is one coloured shape that moves in one of four directions over one colour.
"""

from __future__ import annotations

from collections.abc import Mapping

Meanings = dict[tuple[str, ...], str]
"""Each phrase, as lower-case words, and what the model calls it."""


def _meanings(table: Mapping[str, str]) -> Meanings:
    """From `name: "word, two words, ..."`; the name means itself."""
    return {
        tuple(phrase.split()): name
        for name, phrases in table.items()
        for phrase in (name, *filter(None, (one.strip() for one in phrases.split(","))))
    }


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


COLOURS = _meanings(
    {
        "red": "crimson, scarlet, ruby, cherry, vermilion, maroon, burgundy, carmine, cardinal, "
        "reddish, strawberry, garnet, blood red, brick red, cherry red, rose red, wine red",
        "green": "emerald, lime, olive, jade, mint, moss, sage, verdant, malachite, greenish, "
        "shamrock, avocado, forest green, grass green, pine green, pea green, lime green",
        "blue": "navy, azure, cobalt, sapphire, cerulean, ultramarine, bluish, denim, sky blue, "
        "ocean blue, ice blue, steel blue, royal blue, midnight blue",
        "yellow": "gold, golden, lemon, amber, mustard, canary, saffron, yellowish, straw, butter, "
        "banana, sunny, blond, blonde, honey",
        "orange": "tangerine, apricot, coral, pumpkin, rust, copper, carrot, terracotta, orangey, "
        "rusty, mandarin, ginger",
        "purple": "violet, lavender, lilac, plum, mauve, magenta, amethyst, indigo, aubergine, "
        "eggplant, grape, orchid, purplish, heather",
        "white": "ivory, snowy, pearl, pearly, cream, creamy, alabaster, milky, chalk, chalky, "
        "whitish, porcelain, snow white, milk white, bone white",
        "black": "ebony, jet, onyx, charcoal, inky, raven, coal, obsidian, midnight, blackish, "
        "sooty, jet black, pitch black, coal black",
    }
)

SHAPES = _meanings(
    {
        "ball": "sphere, orb, disc, disk, dot, globe, marble, bubble, bead, balloon, planet, coin, "
        "wheel, round, circular, spherical, moon, sun, ring, droplet, pellet, spot, snowball",
        "circle": "",
        "square": "cube, block, tile, crate, brick, dice, die, rectangle, parcel, package, carton, "
        "pixel, cubic, boxy, four-sided, four sided, quadrilateral",
        "box": "",
        "triangle": "pyramid, wedge, cone, arrowhead, delta, tent, triangular, three-sided, "
        "three sided, three-cornered, three cornered, spearhead, slice",
    }
)

ROUNDNESS = frozenset(
    ("round", "circular", "spherical", "cubic", "boxy", "triangular", "four-sided", "three-sided")
)
"""What says the shape of a thing without naming one."""

LOOKS = {"moon": "white", "sun": "yellow", "brick": "red", "snowball": "white"}
"""Things that have a colour where none is named."""

DIRECTIONS = _meanings(
    {
        "left": "leftward, leftwards, west, westward, westwards, westbound, right to left, "
        "right-to-left, east to west",
        "right": "rightward, rightwards, east, eastward, eastwards, eastbound, left to right, "
        "left-to-right, west to east",
        "up": "upward, upwards, north, northward, northwards, northbound, skyward, skywards, "
        "heavenward, bottom to top, aloft, to the top, towards the top, toward the top, "
        "to the sky, towards the sky, toward the sky, into the sky, to the ceiling, "
        "towards the ceiling, toward the ceiling, to heaven, to the heavens, to the stars, "
        "towards the stars, toward the stars, off the ground, from the bottom, from below",
        "down": "downward, downwards, south, southward, southwards, southbound, earthward, "
        "top to bottom, to the bottom, towards the bottom, toward the bottom, to the ground, "
        "towards the ground, toward the ground, to the floor, towards the floor, "
        "toward the floor, to earth, to the earth, towards the earth, toward the earth, "
        "from the top, from above",
    }
)

VERBS = _meanings(
    {
        "up": "rise, rising, climb, climbing, ascend, ascending, soar, soaring, lift, lifting, "
        "levitate, levitating, takes off",
        "down": "fall, falling, drop, dropping, descend, descending, sink, sinking, plummet, "
        "plummeting, plunge, plunging, tumble, tumbling",
    }
)
"""What moves in that direction, unless another one is named."""

OPPOSITE = {"left": "right", "right": "left", "up": "down", "down": "up"}

SCENERY = _meanings(
    {
        "blue": "sky, ocean, sea, water, lake, river, pool, waves",
        "green": "lawn, meadow, forest, jungle, grass, grassland",
        "yellow": "sand, desert, beach, dunes",
        "white": "snow, clouds, ice, fog, mist, paper",
        "black": "night, night sky, space, darkness, void, dark, outer space, midnight sky",
        "orange": "sunset, sunrise",
        "red": "lava, blood",
    }
)
"""What may lie behind, and the colour it has where none is named."""

BACKDROPS = _set(
    "background backdrop canvas wall walls screen field surface floor ground table cloth sheet "
    "scenery world room board curtain carpet plane page setting expanse backcloth panel sky "
    "ocean sea water lake void night landscape scene behind"
)
"""What lies behind, in the colour that is named with it."""

BEFORE_BACKDROPS = _set(
    "on over against across upon atop above through before within onto under along below "
    "beneath past amid amidst"
)
IN_FRONT = ("in front of", "on top of")

QUIET = _set(
    "a an the all very deep dark light pale bright vivid rich soft solid plain pure clear calm "
    "wide big large small little tiny huge giant shiny glossy smooth flat glowing gleaming "
    "lonely single lone simple perfect entirely completely its his their some one of is that "
    "which was are coloured colored hued tinted toned and perfectly uniform endless vast empty"
)
"""What may stand between a colour and what has it."""

LINKS = _set("of is in are was that which painted dyed made coloured colored")
"""What says that a colour belongs to the noun before."""

NO_THING = _set(
    "to with background in from by towards toward at it while as where there slowly quickly "
    "gently moves goes slides flies drifts floats glides travels heads rises falls sinks climbs "
    "drops"
)
"""What is never the name of a thing."""

KNOWN = _set(
    "a an the to on over with and of in at for is it this that there here please show me make "
    "draw video clip movie animation scene picture image simple nice cute beautiful big small "
    "tiny little large bright dark slow fast slowly quickly smoothly gently now then still just "
    "very really one single cinematic high quality smooth realistic lovely shiny flat plain "
    "solid clean camera view moving moves going goes sliding slides flying flies rolling red "
    "green blue yellow orange purple white black ball circle square box triangle left right up "
    "down upwards downwards background thing pink cyan brown gray grey star heart shape object "
    "cat dog sky"
)
"""What the model was trained to read."""
MOST_READ = 18
"""Words of a sentence that it reads to the end, each a token, with some for the rest."""
