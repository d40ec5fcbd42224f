from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch

from matinee.engine.colour import rgb_to_i420


def reference(rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """One frame by the standard's formulas in float64; not yet rounded."""
    height, width = rgb.shape[:2]
    red, green, blue = (rgb[..., channel] / 255 for channel in range(3))
    luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    chroma = [224 * (blue - luma) / 1.8556 + 128, 224 * (red - luma) / 1.5748 + 128]
    means = [c.reshape(height // 2, 2, width // 2, 2).mean((1, 3)) for c in chroma]
    return np.concatenate([(16 + 219 * luma).ravel(), *(mean.ravel() for mean in means)])


def convert(rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    count, height, width = rgb.shape[:3]
    out = np.zeros((count, height * 3 // 2, width), np.uint8)
    rgb_to_i420(torch.from_numpy(rgb), list(out))
    return out


def test_every_value_is_the_standards_rounded_to_nearest() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (3, 32, 64, 3), np.uint8)
    expected = np.stack([reference(frame) for frame in rgb])
    assert np.abs(convert(rgb).reshape(3, -1) - expected).max() <= 0.5 + 1e-4


@pytest.mark.parametrize(
    ("rgb", "yuv"),
    [
        ((0, 0, 0), (16, 128, 128)),
        ((255, 255, 255), (235, 128, 128)),
        ((255, 0, 0), (63, 102, 240)),
        ((0, 255, 0), (173, 42, 26)),
        ((0, 0, 255), (32, 240, 118)),
    ],
)
def test_a_plain_colour_has_its_bt709_values(
    rgb: tuple[int, int, int], yuv: tuple[int, int, int]
) -> None:
    picture = convert(np.full((1, 32, 32, 3), rgb, np.uint8))[0].ravel()
    planes = picture[: 32 * 32], picture[32 * 32 : -16 * 16], picture[-16 * 16 :]
    assert [set(plane.tolist()) for plane in planes] == [{value} for value in yuv]


def test_frames_must_have_a_buffer_each() -> None:
    with pytest.raises(ValueError, match="2 frames need as many buffers, got 1"):
        rgb_to_i420(torch.zeros(2, 32, 32, 3, dtype=torch.uint8), [np.zeros((48, 32), np.uint8)])


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no NVIDIA GPU")
def test_a_gpu_gives_the_same_picture() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (3, 32, 64, 3), np.uint8)
    out = np.zeros((3, 48, 64), np.uint8)
    rgb_to_i420(torch.from_numpy(rgb).cuda(), list(out))
    assert np.array_equal(convert(rgb), out)
