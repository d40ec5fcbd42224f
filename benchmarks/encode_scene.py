"""A clip that is about as hard to encode as a real one: a camera pans over a textured landscape,
two discs cross it, and every frame has its own grain."""

from __future__ import annotations

import av
import numpy as np
import numpy.typing as npt
from av.video.reformatter import ColorRange, Colorspace

from matinee.media.i420 import I420Picture

Rgb = npt.NDArray[np.uint8]
"""uint8, shape (height, width, 3)."""

DISCS = ((0.30, 9, (220, 70, 50)), (0.65, -6, (60, 200, 230)))
"""Of each disc the height on the screen (0-1), pixels a frame to the right, and colour."""
GRAIN = 3.0
"""Standard deviation, of 255."""


def scene(width: int, height: int, frames: int) -> list[Rgb]:
    generator = np.random.default_rng(7)
    landscape = _landscape(width + 2 * frames, height, generator)
    return [_frame(landscape[:, 2 * i : 2 * i + width], i, generator) for i in range(frames)]


def i420_scene(width: int, height: int, frames: int) -> list[I420Picture]:
    """The same clip as the worker hands it over."""
    return [_i420(picture) for picture in scene(width, height, frames)]


def _landscape(width: int, height: int, generator: np.random.Generator) -> npt.NDArray[np.float64]:
    """Noise of five sizes, the coarsest the strongest, as in natural pictures."""
    total = np.full((height, width, 3), 128.0)
    for size in (4, 8, 16, 32, 64):
        coarse = generator.normal(0, 10 * size**0.3, (height // size + 2, width // size + 2, 3))
        total += _stretched(_stretched(coarse, height, 0, size), width, 1, size)
    return total


def _stretched(
    values: npt.NDArray[np.float64], length: int, axis: int, size: int
) -> npt.NDArray[np.float64]:
    """Linear interpolation along one axis, `size` steps from value to value."""
    place = np.arange(length) / size
    below = place.astype(int)
    weight = (place - below).reshape((-1, 1, 1) if axis == 0 else (1, -1, 1))
    mixed: npt.NDArray[np.float64] = values.take(below, axis) * (1 - weight)
    mixed += values.take(below + 1, axis) * weight
    return mixed


def _frame(view: npt.NDArray[np.float64], index: int, generator: np.random.Generator) -> Rgb:
    height, width, _ = view.shape
    picture = view + generator.normal(0, GRAIN, (height, width, 1))
    rows, columns = np.mgrid[0:height, 0:width]
    for place, speed, colour in DISCS:
        across = (width // 2 + speed * index) % width
        inside = (rows - place * height) ** 2 + (columns - across) ** 2 < (height / 8) ** 2
        picture[inside] = colour
    return picture.clip(0, 255).astype(np.uint8)


def _i420(picture: Rgb) -> I420Picture:
    frame = av.VideoFrame.from_ndarray(picture, "rgb24").reformat(
        format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
    )
    return frame.to_ndarray().astype(np.uint8)
