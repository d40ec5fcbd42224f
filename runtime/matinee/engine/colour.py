"""RGB frames to the pictures that the encoder takes: I420, BT.709, limited range.

Enters: uint8 (n, H, W, 3) RGB on any device, H and W even. Leaves: each frame written into a
buffer of (H * 3 // 2, W) bytes: H rows of Y, then the Cb and the Cr plane, each H/2 x W/2. With
R, G, B from 0 to 1 and Y' = 0.2126 R + 0.7152 G + 0.0722 B:

    Y  = 16 + 219 Y'        Cb = 128 + 224 (B - Y') / 1.8556        Cr = 128 + 224 (R - Y') / 1.5748

rounded to nearest; chroma is the mean of its four pixels.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

_LUMA = torch.tensor([0.2126, 0.7152, 0.0722])
_BLUE, _RED = torch.tensor([0.0, 0.0, 1.0]), torch.tensor([1.0, 0.0, 0.0])
_Y_WEIGHTS = (_LUMA * 219 / 255).tolist()
_CB_WEIGHTS = ((_BLUE - _LUMA) * 224 / 1.8556 / 255 / 4).tolist()  # of the sum of four pixels
_CR_WEIGHTS = ((_RED - _LUMA) * 224 / 1.5748 / 255 / 4).tolist()


def rgb_to_i420(frames: torch.Tensor, out: Sequence[npt.NDArray[np.uint8]]) -> None:
    """Write frame k into `out[k]`: C-contiguous uint8 (H * 3 // 2, W), overwritten in place."""
    if len(out) != len(frames):
        raise ValueError(f"{len(frames)} frames need as many buffers, got {len(out)}")
    # One at a time on a CPU, because a frame's planes fit in its cache; all at once on a GPU.
    at_once = 1 if frames.device.type == "cpu" else max(1, len(frames))
    for first in range(0, len(frames), at_once):
        pictures = _to_i420(frames[first : first + at_once]).cpu()
        for picture, buffer in zip(pictures, out[first:], strict=False):
            torch.from_numpy(buffer).copy_(picture.view(buffer.shape))


def i420_pictures(frames: torch.Tensor) -> list[npt.NDArray[np.uint8]]:
    """The same in new buffers."""
    count, height, width, _ = frames.shape
    pictures = list(np.empty((count, height * 3 // 2, width), np.uint8))
    rgb_to_i420(frames, pictures)
    return pictures


def rgb_array(frames: torch.Tensor) -> npt.NDArray[np.uint8]:
    """The frames themselves, on the CPU."""
    array: npt.NDArray[np.uint8] = frames.cpu().numpy()
    return array


def _to_i420(frames: torch.Tensor) -> torch.Tensor:
    """(n, H, W, 3) -> (n, H * W * 3 // 2)."""
    planes = frames.permute(3, 0, 1, 2).contiguous().to(torch.float32)
    sums = _sums_of_four(planes)
    pictures = [
        _weighted(planes, _Y_WEIGHTS, 16),
        _weighted(sums, _CB_WEIGHTS, 128),
        _weighted(sums, _CR_WEIGHTS, 128),
    ]
    return torch.cat([picture.flatten(1) for picture in pictures], dim=1)


def _sums_of_four(planes: torch.Tensor) -> torch.Tensor:
    """(3, n, H, W) -> (3, n, H/2, W/2)."""
    rows: torch.Tensor = planes[:, :, 0::2] + planes[:, :, 1::2]
    return rows[..., 0::2] + rows[..., 1::2]


def _weighted(planes: torch.Tensor, weights: list[float], offset: int) -> torch.Tensor:
    """(3, n, h, w) -> uint8 (n, h, w)."""
    red, green, blue = planes
    mixed: torch.Tensor = red * weights[0]
    mixed.add_(green, alpha=weights[1]).add_(blue, alpha=weights[2])
    return mixed.add_(offset + 0.5).to(torch.uint8)  # cutting off after +0.5 rounds
