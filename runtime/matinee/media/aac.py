"""One AAC encoder that stays open for a session: samples enter, coded frames leave.

AAC codes 1024 samples at a time, each frame overlapping the next, and libavcodec looks one frame
ahead: what was given last comes out two frames later, or with `finish`. So a session's sound has
no seam, and its end waits for the next segment or the end of the session (64 ms at 48 kHz).
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext
from av.codec.context import Flags

from matinee.generation import AudioFormat, Samples

FRAME_SAMPLES = 1024
PRIMING = 1024
"""Samples that come before the first one that was given."""
BITS_A_SECOND = 64_000
"""For each channel."""
LAYOUTS = {1: "mono", 2: "stereo"}
"""By number of channels."""


class AacEncoder:
    """AAC-LC. Its bytes depend on nothing but the format and the samples so far."""

    def __init__(self, audio: AudioFormat) -> None:
        self._layout = LAYOUTS[audio.channels]
        self._rate = audio.rate
        self._context = _open_context(audio.rate, self._layout, audio.channels)
        self._waiting: Samples = np.empty((0, audio.channels), np.float32)
        self._coded_samples = 0

    @property
    def audio_specific_config(self) -> bytes:
        """AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1), known before any sample."""
        return bytes(self._context.extradata or b"")

    def encode(self, samples: Samples) -> list[bytes]:
        """Frames of 1024 samples each, those that are complete; the first is the priming."""
        self._waiting = np.concatenate([self._waiting, samples])
        whole = len(self._waiting) // FRAME_SAMPLES * FRAME_SAMPLES
        frames, self._waiting = self._waiting[:whole], self._waiting[whole:]
        return [
            coded
            for first in range(0, whole, FRAME_SAMPLES)
            for coded in self._encode_frame(frames[first : first + FRAME_SAMPLES])
        ]

    def finish(self) -> list[bytes]:
        """The rest, filled up with silence to a whole frame. Nothing may follow."""
        silence = -len(self._waiting) % FRAME_SAMPLES
        last = self.encode(np.zeros((silence, self._waiting.shape[1]), np.float32))
        return [*last, *(bytes(packet) for packet in self._context.encode(None))]

    def _encode_frame(self, samples: Samples) -> Iterator[bytes]:
        planes = np.ascontiguousarray(samples.T)
        frame = av.AudioFrame.from_ndarray(planes, "fltp", self._layout)
        frame.sample_rate, frame.pts = self._rate, self._coded_samples
        frame.time_base = Fraction(1, self._rate)
        self._coded_samples += FRAME_SAMPLES
        return (bytes(packet) for packet in self._context.encode(frame))


def _open_context(rate: int, layout: str, channels: int) -> AudioCodecContext:
    context = av.CodecContext.create("aac", "w")
    if not isinstance(context, AudioCodecContext):
        raise TypeError("FFmpeg's aac is not an audio encoder")
    context.sample_rate, context.layout, context.format = rate, layout, "fltp"
    context.bit_rate = BITS_A_SECOND * channels
    context.time_base = Fraction(1, rate)
    context.thread_count = 1
    context.flags |= Flags.global_header
    context.open()
    return context
