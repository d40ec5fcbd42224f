"""Tones, and what is heard of them in a file."""

from __future__ import annotations

import io

import av
import numpy as np
import numpy.typing as npt

from matinee.generation import Samples


def tone(hz: float, samples: int, rate: int, *, first: int = 0, channels: int = 2) -> Samples:
    """`first`: number of the first sample; tones that follow each other have no seam."""
    time = np.arange(first, first + samples) / rate
    wave = 0.5 * np.sin(2 * np.pi * hz * time)
    return np.repeat(wave.astype(np.float32)[:, None], channels, axis=1)


def heard(data: bytes) -> npt.NDArray[np.float32]:
    """(samples, channels), decoded by FFmpeg, which leaves out the priming."""
    with av.open(io.BytesIO(data), "r") as container:
        planes = [frame.to_ndarray() for frame in container.decode(audio=0)]
    return np.concatenate(planes, axis=1).T.astype(np.float32)


def frequency(samples: npt.NDArray[np.float32], rate: int) -> float:
    """Of the loudest tone, in Hz, to a fraction of a bin: the peak of a parabola through three."""
    windowed = samples * np.hanning(len(samples))
    loud = np.log(np.abs(np.fft.rfft(windowed)) + 1e-12)
    peak = int(np.argmax(loud))
    left, middle, right = loud[peak - 1 : peak + 2]
    offset = 0.5 * (left - right) / (left - 2 * middle + right)
    return float((peak + offset) * rate / len(samples))
