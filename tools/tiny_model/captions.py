"""How people ask for a scene: templates, synonyms, letter case, filler words, omissions.

`caption` writes one such text. The words listed here are the tokenizer's vocabulary too.
"""

import random

from tools.tiny_model.scenes import ATTRIBUTES, DIRECTIONS, PALETTE, Scene

ALL_NAMED = frozenset(ATTRIBUTES)
SHAPE_WORDS: dict[str, tuple[str, ...]] = {
    "circle": ("ball", "circle"),
    "square": ("square", "box"),
    "triangle": ("triangle",),
}
DIRECTION_WORDS: dict[str, tuple[str, ...]] = {
    name: (name, name, f"to the {name}" if name in ("left", "right") else f"{name}wards")
    for name in DIRECTIONS
}
SUBJECTS = ("{article} {colour} {shape}", "the {colour} {shape}", "{colour} {shape}")
VERBS = ("moving", "moves", "going", "goes", "sliding", "slides", "flying", "flies", "rolling")
PLACES = ("on a {background} background", "on a {background} background", "on {background}",
          "over {background}", "with a {background} background")  # fmt: skip
FILLERS = (
    *("please", "show", "me", "make", "draw", "video", "clip", "movie", "animation", "scene"),
    *("picture", "image", "simple", "nice", "cute", "beautiful", "big", "small", "tiny", "little"),
    *("large", "bright", "dark", "slow", "fast", "slowly", "quickly", "smoothly", "gently", "now"),
    *("then", "still", "just", "very", "really", "one", "single", "there", "is", "this", "that"),
    *("it", "here", "and", "of", "in", "at", "for", "cinematic", "high", "quality", "smooth"),
    *("realistic", "lovely", "shiny", "flat", "plain", "solid", "clean", "camera", "view"),
)
UNTRAINED = (
    *("pink", "cyan", "brown", "gray", "grey", "star", "heart", "shape", "object", "thing"),
    *("cat", "dog", "sky"),
)
GLUE = ("a", "an", "the", ",", ".", "!", "to", "moving", "background")

MAIN_TEMPLATE_SHARE = 0.3
FILLER_SHARE = 0.15


def article(word: str) -> str:
    """The indefinite article that fits the word."""
    return "an" if word[0] in "aeiou" else "a"


def subject(scene: Scene, named: frozenset[str], rng: random.Random) -> str:
    """The words for the object; an unnamed shape is a `thing`, an unnamed colour is left out."""
    shape = rng.choice(SHAPE_WORDS[scene.shape]) if "shape" in named else "thing"
    colour = scene.colour if "colour" in named else ""
    words = rng.choice(SUBJECTS).format(
        article=article(colour or shape), colour=colour, shape=shape
    )
    return " ".join(words.split())


def motion(scene: Scene, rng: random.Random) -> str:
    """The words for the movement, with or without a verb."""
    where = rng.choice(DIRECTION_WORDS[scene.direction])
    return f"{rng.choice(VERBS)} {where}"


def plain(scene: Scene, shape_word: str) -> str:
    """The sentence that documentation and demo use."""
    return (
        f"{article(scene.colour)} {scene.colour} {shape_word} moving {scene.direction} "
        f"on {article(scene.background)} {scene.background} background"
    )


def place(scene: Scene, rng: random.Random) -> str:
    """The words for the background."""
    words = rng.choice(PLACES).format(background=scene.background)
    return words.replace(" a orange", " an orange")


def free(scene: Scene, named: frozenset[str], rng: random.Random) -> str:
    """Object, motion and place in one of several orders; only what is `named`."""
    parts = [subject(scene, named, rng)]
    parts += [motion(scene, rng)] if "direction" in named else []
    if "background" in named:
        last = rng.random() < 0.8
        parts.insert(len(parts) if last else rng.randrange(len(parts)), place(scene, rng))
    return rng.choice((" ", " ", ", ")).join(parts)


def with_fillers(text: str, rng: random.Random) -> str:
    """The text with one to four words in it that mean nothing to the model."""
    words = text.split()
    for _ in range(rng.randint(1, 4)):
        words.insert(rng.randint(0, len(words)), rng.choice(FILLERS))
    return " ".join(words)


def cased(text: str, rng: random.Random) -> str:
    """The text as typed by different people."""
    style = rng.random()
    if style < 0.6:
        return text
    if style < 0.85:
        return text[0].upper() + text[1:] + rng.choice(("", "."))
    return text.upper() if style < 0.95 else text.title()


def caption(scene: Scene, rng: random.Random, named: frozenset[str] = ALL_NAMED) -> str:
    """A text that asks for the `named` attributes of the scene."""
    if named == ALL_NAMED and rng.random() < MAIN_TEMPLATE_SHARE:
        return cased(plain(scene, rng.choice(SHAPE_WORDS[scene.shape])), rng)
    text = free(scene, named, rng)
    if rng.random() < FILLER_SHARE:
        text = with_fillers(text, rng)
    return cased(text, rng)


def vocabulary() -> list[str]:
    """Every word above in lower, title and upper case, in a fixed order."""
    words = {*PALETTE, *VERBS, *FILLERS, *UNTRAINED, *GLUE}
    for phrase in (*PLACES, *SUBJECTS, *sum(SHAPE_WORDS.values(), ())):
        words |= {word for word in phrase.split() if "{" not in word}
    for phrases in DIRECTION_WORDS.values():
        words |= {word for phrase in phrases for word in phrase.split()}
    return sorted({form for word in words for form in (word, word.title(), word.upper())})
