"""The world that the tiny model learns: which scenes exist and how they look.

A scene is one flat coloured shape that moves over one flat background. `render` turns scenes into
video; `is_held_out` keeps some combinations out of training, so that the evaluation asks for
videos that the model has never seen. Object and background always contrast.
"""

import hashlib
import itertools
import random
from dataclasses import dataclass, replace
from functools import cache

import torch
from torch import Tensor

SIZE = 64
FRAMES = 17
PREFIX_FRAMES = 9
SPEED = 2.0  # pixels per frame: one latent cell (8 px) per latent frame (4 frames)
FADE_FRAMES = 4  # a changed prompt has taken over the picture after this many frames
HELD_OUT_PERCENT = 15

PALETTE: dict[str, tuple[int, int, int]] = {
    "red": (225, 35, 40),
    "green": (35, 165, 70),
    "blue": (35, 75, 225),
    "yellow": (250, 220, 45),
    "orange": (245, 130, 25),
    "purple": (145, 50, 190),
    "white": (245, 245, 245),
    "black": (15, 15, 20),
}
SHAPES = ("circle", "square", "triangle")
DIRECTIONS: dict[str, tuple[int, int]] = {
    "left": (-1, 0),
    "right": (1, 0),
    "up": (0, -1),
    "down": (0, 1),
}
TOO_ALIKE = frozenset(
    {
        frozenset({"orange", "red"}),
        frozenset({"orange", "yellow"}),
        frozenset({"yellow", "white"}),
        frozenset({"blue", "purple"}),
    }
)


@dataclass(frozen=True)
class Scene:
    """One shape, its colour, where it goes, and the colour behind it."""

    colour: str
    shape: str
    direction: str
    background: str

    @property
    def contrasts(self) -> bool:
        """Whether the object can be told from the background."""
        pair = frozenset({self.colour, self.background})
        return len(pair) == 2 and pair not in TOO_ALIKE


ATTRIBUTES = ("colour", "shape", "direction", "background")
VALUES: dict[str, tuple[str, ...]] = {
    "colour": tuple(PALETTE),
    "shape": SHAPES,
    "direction": tuple(DIRECTIONS),
    "background": tuple(PALETTE),
}


def seeded(seed: int) -> random.Random:
    """Repeatable chance; nothing here is secret."""
    return random.Random(seed)  # noqa: S311


def is_held_out(scene: Scene) -> bool:
    """Whether the scene is kept for evaluation: a hash decides, so the split never moves."""
    key = "/".join(getattr(scene, attribute) for attribute in ATTRIBUTES)
    return int(hashlib.sha256(key.encode()).hexdigest(), 16) % 100 < HELD_OUT_PERCENT


@cache
def all_scenes() -> tuple[Scene, ...]:
    """Every scene of the grammar, in a fixed order."""
    combinations = itertools.product(*(VALUES[attribute] for attribute in ATTRIBUTES))
    return tuple(scene for values in combinations if (scene := Scene(*values)).contrasts)


@cache
def training_scenes() -> tuple[Scene, ...]:
    """The scenes that training may draw from."""
    return tuple(scene for scene in all_scenes() if not is_held_out(scene))


@cache
def held_out_scenes() -> tuple[Scene, ...]:
    """The scenes that only the evaluation sees."""
    return tuple(scene for scene in all_scenes() if is_held_out(scene))


def changed(scene: Scene, wanted: Scene, named: frozenset[str]) -> Scene:
    """`scene` after a prompt that names only some attributes of `wanted`: the rest stays."""
    return replace(scene, **{attribute: getattr(wanted, attribute) for attribute in named})


def opening_position(scene: Scene, rng: random.Random) -> tuple[float, float]:
    """Where a new video starts: a little behind the centre, so that the path crosses it."""
    dx, dy = DIRECTIONS[scene.direction]
    middle, run_up, jitter = SIZE / 2, FRAMES * SPEED / 2, 8.0
    return (
        middle - dx * run_up + rng.uniform(-jitter, jitter),
        middle - dy * run_up + rng.uniform(-jitter, jitter),
    )


def any_position(rng: random.Random) -> tuple[float, float]:
    """A position that an object may have in the middle of a long video."""
    return rng.uniform(0, SIZE), rng.uniform(0, SIZE)


def path(start: tuple[float, float], velocities: Tensor) -> Tensor:
    """Positions (T, 2) of an object that starts at `start`; row t moves it into frame t + 1."""
    origin = torch.tensor(start)
    return torch.cat([origin[None], origin + velocities.cumsum(0)])


def velocity(scene: Scene) -> Tensor:
    """The step (x, y) per frame in pixels."""
    return torch.tensor(DIRECTIONS[scene.direction]) * SPEED


def rgb(name: str) -> Tensor:
    """A palette colour as three numbers from -1 to 1."""
    return torch.tensor(PALETTE[name]) / 127.5 - 1


def coverage(shape: str, centres: Tensor, scale: float = 1.0) -> Tensor:
    """How much of each pixel the object covers: (T, 2) centres give (T, SIZE, SIZE) in 0..1."""
    grid = torch.arange(SIZE) + 0.5
    dx = (grid[None, None, :] - centres[:, 0, None, None] + SIZE / 2) % SIZE - SIZE / 2
    dy = (grid[None, :, None] - centres[:, 1, None, None] + SIZE / 2) % SIZE - SIZE / 2
    return (0.5 - scale * signed_distance(shape, dx / scale, dy / scale)).clamp(0, 1)


def signed_distance(shape: str, dx: Tensor, dy: Tensor) -> Tensor:
    """Distance to the outline of the shape at the origin, negative inside, in pixels."""
    if shape == "circle":
        return (dx.square() + dy.square()).sqrt() - 13
    if shape == "square":
        return torch.maximum(dx.abs(), dy.abs()) - 11.5
    sides = 0.866 * dx.abs() - 0.5 * dy
    return torch.maximum(sides, dy.expand_as(sides)) - 9.5


def paint(masks: Tensor, colour: Tensor, background: Tensor) -> Tensor:
    """Colours (3,) through masks (T, H, W): frames (3, T, H, W)."""
    return torch.lerp(background[:, None, None, None], colour[:, None, None, None], masks[None])


def picture(scene: Scene, centres: Tensor) -> Tensor:
    """The scene with its object at the given centres: (3, T, SIZE, SIZE) from -1 to 1."""
    return paint(coverage(scene.shape, centres), rgb(scene.colour), rgb(scene.background))


def render(scenes: list[Scene], starts: list[int], start: tuple[float, float]) -> Tensor:
    """A clip in which scene k takes over at frame `starts[k]` (the first at 0).

    The object keeps its place and turns at once; its look cross-fades over FADE_FRAMES.
    """
    current = [sum(begin <= t for begin in starts) - 1 for t in range(FRAMES)]
    steps = torch.stack([velocity(scenes[k]) for k in current[1:]])
    centres = path(start, steps)
    frames = picture(scenes[0], centres)
    for scene, begin in zip(scenes[1:], starts[1:], strict=True):
        mix = ((torch.arange(FRAMES) - begin + 1) / FADE_FRAMES).clamp(0, 1)
        frames = torch.lerp(frames, picture(scene, centres), mix[None, :, None, None])
    return frames
