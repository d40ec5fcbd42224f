"""The picture: colour bars, a bar that moves, the time, the prompt, and the frame's number to read.

Pictures are uint8 (height, width, 3), RGB. Along the top run 32 blocks, white for 1 and black for
0: the frame's number on the timeline, highest bit first. They are as wide as the picture allows, so
that the number can be read from a decoded video too.
"""

from __future__ import annotations

import textwrap

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

RgbPicture = npt.NDArray[np.uint8]
BITS = 32
BARS = np.array(
    [
        (191, 191, 191),
        (191, 191, 0),
        (0, 191, 191),
        (0, 191, 0),
        (191, 0, 191),
        (191, 0, 0),
        (0, 0, 191),
    ],
    np.uint8,
)
"""At three quarters, as television has them."""
BLACK, WHITE = (0, 0, 0), (255, 255, 255)
PROMPT_LINES = 3


class Pattern:
    """Of one segment. `seed` turns the bars, so that another seed is another picture."""

    def __init__(self, width: int, height: int, fps: int, prompt: str, seed: int) -> None:
        self._width, self._height, self._fps = width, height, fps
        self._text_px = max(8, height // 16)
        self._font = ImageFont.load_default(self._text_px)
        bars = np.roll(BARS, seed % len(BARS), axis=0)
        row = bars[np.arange(width) * len(BARS) // width]
        ground = Image.fromarray(np.broadcast_to(row, (height, width, 3)).copy())
        lines = self._lines(prompt)
        middle = (height - len(lines) * self._line_px) // 2  # players write along the lower edge
        self._write(ground, "\n".join(lines), max(_strip_px(height) + self._line_px, middle))
        self._ground = np.asarray(ground)

    def picture(self, number: int) -> RgbPicture:
        """Of frame `number` of the timeline."""
        picture = self._ground.copy()
        self._move_bar(picture, number)
        clock = Image.new("RGB", (self._width, self._line_px))
        self._write(clock, timecode(number, self._fps), 0)
        top = _strip_px(self._height)
        room = picture[top : top + self._line_px]
        room[:] = np.asarray(clock)[: len(room)]
        picture[:top] = _blocks(number, self._width)
        return picture

    def _move_bar(self, picture: RgbPicture, number: int) -> None:
        """Across the picture in two seconds."""
        left = number * self._width // (2 * self._fps) % self._width
        picture[:, left : left + max(2, self._width // 64)] = WHITE

    @property
    def _line_px(self) -> int:
        return self._text_px + self._text_px // 4

    def _lines(self, prompt: str) -> list[str]:
        characters = max(8, 2 * self._width // self._text_px - 2)
        return textwrap.wrap(prompt, characters, max_lines=PROMPT_LINES, placeholder=" ...")

    def _write(self, image: Image.Image, text: str, top: int) -> None:
        edge = max(1, self._text_px // 12)
        place = (self._text_px // 2, top)
        draw = ImageDraw.Draw(image)
        draw.text(place, text, WHITE, self._font, spacing=0, stroke_width=edge, stroke_fill=BLACK)


def timecode(number: int, fps: int) -> str:
    """Hours, minutes, seconds and frames; then the frame's number."""
    seconds, frame = divmod(number, fps)
    hours, minutes, seconds = seconds // 3600, seconds // 60 % 60, seconds % 60
    return f"{hours:02}:{minutes:02}:{seconds:02}:{frame:02}  {number}"


def number_of(picture: RgbPicture) -> int:
    """The frame's number, from the blocks."""
    height, width, _ = picture.shape
    strip = picture[: _strip_px(height)].mean(axis=(0, 2))
    middles = (np.arange(BITS) * 2 + 1) * width // (2 * BITS)
    bits = "".join("1" if strip[middle] > 127 else "0" for middle in middles)
    return int(bits, 2)


def _blocks(number: int, width: int) -> RgbPicture:
    """One row, (width, 3)."""
    bits = np.array([int(bit) for bit in f"{number % 2**BITS:0{BITS}b}"], np.uint8) * 255
    row = bits[np.arange(width) * BITS // width]
    return np.repeat(row[:, None], 3, axis=1)


def _strip_px(height: int) -> int:
    return max(4, height // 24)
