"""What a video shows, measured on its pixels: background, object colour, direction, shape.

Frames are (T, H, W, 3) uint8 arrays. No model is involved: nearest palette colours, motion of the
object's centre on the torus, and overlap with the outline of each shape.
"""

from dataclasses import dataclass
from functools import cache
from itertools import pairwise, product

import numpy as np
import torch
from numpy.typing import NDArray

from tools.tiny_model.scenes import DIRECTIONS, PALETTE, SHAPES, SIZE, coverage

Frames = NDArray[np.uint8]
Floats = NDArray[np.float64]
Masks = NDArray[np.bool_]

NAMES = tuple(PALETTE)
COLOURS = np.array(list(PALETTE.values()), dtype=np.float64)
OBJECT_DISTANCE = 60.0  # RGB distance from the background that makes a pixel part of the object
FEWEST_PIXELS = 60
SLOWEST = 0.5  # pixels per frame
STRAIGHTNESS = 2.0  # the main axis moves so much more than the other
LEAST_OVERLAP = 0.6
SCALES = (0.85, 0.9, 0.95, 1.0, 1.05, 1.1, 1.15, 1.2)
BETWEEN_PIXELS = (0.0, 0.5)
SHIFTS = (-1, 0, 1)


@dataclass(frozen=True)
class Sighting:
    """What was recognised; None where nothing was."""

    background: str | None
    colour: str | None
    direction: str | None
    shape: str | None


def nearest_names(pixels: Floats) -> NDArray[np.intp]:
    """The index of the nearest palette colour for each pixel (..., 3)."""
    distance = (COLOURS**2).sum(1) - 2 * pixels @ COLOURS.T  # squared, less what all have
    return np.asarray(distance.argmin(-1))


def background_of(frames: Frames) -> int:
    """The palette colour of most pixels."""
    return int(np.bincount(nearest_names(frames.astype(np.float64)).ravel()).argmax())


def object_masks(frames: Frames, background: int) -> Masks:
    """Where pixels look more like the object than like the frame's typical background.

    What clearly differs from the background gives the object's colour; the outline then lies
    half way between the two, as it would for the eye, however soft the edge.
    """
    pixels = frames.astype(np.float64)
    is_background = nearest_names(pixels) == background
    masks = []
    for frame, plain in zip(pixels, is_background, strict=True):
        typical = np.median(frame[plain], axis=0) if plain.any() else COLOURS[background]
        distance = np.linalg.norm(frame - typical, axis=-1)
        clear = distance > OBJECT_DISTANCE
        own = np.median(frame[clear], axis=0) if clear.any() else frame[0, 0]
        masks.append(clear & (np.linalg.norm(frame - own, axis=-1) < distance))
    return np.stack(masks)


def colour_of(frames: Frames, masks: Masks) -> str | None:
    """The palette colour nearest to the object's median colour."""
    if masks.sum() < FEWEST_PIXELS * len(masks):
        return None
    median = np.median(frames[masks].astype(np.float64), axis=0)
    return NAMES[int(nearest_names(median))]


def centre(mask: Masks) -> Floats | None:
    """The middle (x, y) of a mask on the torus."""
    if mask.sum() < FEWEST_PIXELS:
        return None
    rows, columns = np.nonzero(mask)
    angles = 2j * np.pi * (np.stack([columns, rows]) + 0.5) / SIZE
    return np.asarray(np.angle(np.exp(angles).mean(axis=1)) / (2 * np.pi) * SIZE % SIZE)


def direction_of(masks: Masks) -> str | None:
    """Where the object goes, if it clearly goes along one axis."""
    centres = [centre(mask) for mask in masks]
    steps = [
        (b - a + SIZE / 2) % SIZE - SIZE / 2
        for a, b in pairwise(centres)
        if a is not None and b is not None
    ]
    if len(steps) < len(masks) // 2:
        return None
    step = np.median(steps, axis=0)
    main = int(np.abs(step).argmax())
    if abs(step[main]) < SLOWEST or abs(step[main]) < STRAIGHTNESS * abs(step[1 - main]):
        return None
    signs = [0, 0]
    signs[main] = int(np.sign(step[main]))
    return next(name for name, vector in DIRECTIONS.items() if vector == tuple(signs))


@cache
def outlines(shape: str) -> Floats:
    """The shape in some sizes and at small shifts around the middle: rows of 0 and 1.

    Fine enough that each shape, drawn perfectly anywhere, is like its own outline to 0.97 or more:
    a coarser grid favours the shape that happens to fit it.
    """
    moved = [
        np.roll(mask, (dy, dx), axis=(0, 1))
        for scale, x, y in product(SCALES, BETWEEN_PIXELS, BETWEEN_PIXELS)
        for mask in [outline(shape, scale, x, y)]
        for dx, dy in product(SHIFTS, SHIFTS)
    ]
    return np.stack(moved).reshape(len(moved), -1).astype(np.float64)


def outline(shape: str, scale: float, x: float, y: float) -> Masks:
    """The shape's pixels when it stands so far beside the middle of the picture."""
    middle = torch.tensor([[SIZE / 2 + x, SIZE / 2 + y]])
    return centred(coverage(shape, middle, scale)[0].numpy() > 0.5)


def centred(mask: Masks) -> Masks:
    """The mask rolled so that its centre is the middle of the picture."""
    place = centre(mask)
    if place is None:
        return mask
    shift = np.round(SIZE / 2 - place).astype(int)
    return np.roll(mask, (shift[1], shift[0]), axis=(0, 1))


def likeness(mask: Masks, shape: str) -> float:
    """Intersection over union with the shape's outline, at its best size and place."""
    known, seen = outlines(shape), mask.ravel().astype(np.float64)
    shared = known @ seen
    return float((shared / (known.sum(1) + seen.sum() - shared)).max())


def shape_of(masks: Masks) -> str | None:
    """The shape that the object is most like over every third frame; its size does not matter."""
    middle = [centred(mask) for mask in masks[::3]]
    scores = {shape: float(np.mean([likeness(m, shape) for m in middle])) for shape in SHAPES}
    best = max(SHAPES, key=lambda shape: scores[shape])
    return best if scores[best] >= LEAST_OVERLAP else None


def recognise(frames: Frames) -> Sighting:
    """Everything that a clip shows."""
    background = background_of(frames)
    masks = object_masks(frames, background)
    return Sighting(
        NAMES[background], colour_of(frames, masks), direction_of(masks), shape_of(masks)
    )
