from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from matinee.media.jpeg import encode_jpeg
from tests.unit.runtime.media.pictures import i420_from_rgb, moving_i420


@pytest.mark.parametrize(
    "colour",
    [(200, 60, 40), (255, 255, 255), (0, 0, 0), (10, 200, 30), (20, 40, 220), (128, 128, 128)],
)
def test_a_viewer_sees_the_colour_that_was_meant(colour: tuple[int, int, int]) -> None:
    rgb = np.full((48, 64, 3), colour, np.uint8)

    shown = Image.open(io.BytesIO(encode_jpeg(i420_from_rgb(rgb))))

    assert (shown.format, shown.size) == ("JPEG", (64, 48))
    assert np.abs(np.asarray(shown).astype(int) - rgb).max() <= 3


@pytest.mark.parametrize("size", [(64, 48), (66, 50), (64, 34)])
def test_colours_are_where_they_were_in_a_picture_of_any_size(size: tuple[int, int]) -> None:
    rgb = np.full((size[1], size[0], 3), (200, 60, 40), np.uint8)
    rgb[16:] = (20, 40, 220)

    shown = Image.open(io.BytesIO(encode_jpeg(i420_from_rgb(rgb))))

    assert shown.size == size
    rows = [2, 12, 20, 30]
    assert np.abs(np.asarray(shown).astype(int) - rgb)[rows].max() <= 6


def test_a_lower_quality_is_smaller() -> None:
    picture = moving_i420(256, 192, 0)

    assert len(encode_jpeg(picture, quality=40)) < len(encode_jpeg(picture, quality=90)) / 2
