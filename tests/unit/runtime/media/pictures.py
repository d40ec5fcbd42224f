"""Moving test pictures, and the colour conversion written out in numpy to check others against."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from matinee.media.i420 import I420Picture

Rgb = npt.NDArray[np.uint8]


def moving_picture(width: int, height: int, index: int) -> Rgb:
    """RGB, shape (height, width, 3): a bright square crosses a coloured gradient."""
    rows, columns = np.mgrid[0:height, 0:width]
    planes = (
        255 * columns / width,
        255 * rows / height,
        128 + 100 * np.sin((rows + columns + 3 * index) / 17),
    )
    picture = np.stack(planes, axis=-1).astype(np.uint8)
    side, left = height // 3, (5 * index) % width
    picture[side : 2 * side, left : left + side] = (230, 210, 60)
    return picture


def moving_i420(width: int, height: int, index: int) -> I420Picture:
    return i420_from_rgb(moving_picture(width, height, index))


def i420_from_rgb(rgb: Rgb) -> I420Picture:
    """BT.709, limited range; a chroma sample is the mean of its four pixels."""
    red, green, blue = np.moveaxis(rgb / 255, -1, 0)
    luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    planes = (
        16 + 219 * luma,
        128 + 224 * _quartered((blue - luma) / 1.8556),
        128 + 224 * _quartered((red - luma) / 1.5748),
    )
    flat = np.concatenate([np.rint(plane).ravel() for plane in planes]).astype(np.uint8)
    return flat.reshape(rgb.shape[0] * 3 // 2, rgb.shape[1])


def rgb_from_i420(picture: I420Picture) -> Rgb:
    """The inverse, with each chroma sample shown on its four pixels."""
    height, width = picture.shape[0] * 2 // 3, picture.shape[1]
    luma = (picture[:height].astype(float) - 16) / 219
    blue_difference, red_difference = (
        (plane.reshape(height // 2, width // 2).repeat(2, 0).repeat(2, 1) - 128.0) / 224
        for plane in picture[height:].reshape(2, -1)
    )
    blue = luma + 1.8556 * blue_difference
    red = luma + 1.5748 * red_difference
    green = (luma - 0.2126 * red - 0.0722 * blue) / 0.7152
    rgb: Rgb = np.rint(np.stack((red, green, blue), -1).clip(0, 1) * 255).astype(np.uint8)
    return rgb


def _quartered(plane: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    height, width = plane.shape
    means: npt.NDArray[np.float64] = plane.reshape(height // 2, 2, width // 2, 2).mean(axis=(1, 3))
    return means
