"""One libx264 encoder, open for a segment: I420 pictures enter, coded pictures leave.

Each picture is coded at once (no B-frames, no lookahead), and its bytes depend on nothing but the
settings and the pictures so far. An IDR, where decoding can start, comes first and then only when
asked for. One thread: more threads cost up to half as much CPU again and gain nothing while
sessions share the cores.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import av
from av.codec.context import Flags
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType
from av.video.reformatter import ColorRange

from matinee.media.av_frame import av_frame
from matinee.media.i420 import BT709, I420Picture

X264_PARAMS = "annexb=0:keyint=infinite:scenecut=0:bframes=0"
"""annexb=0: extradata is an avcC, and NAL units carry their length, both as MP4 wants them."""


@dataclass(frozen=True, slots=True)
class CodedPicture:
    """NAL units of one picture, each after its length in four bytes. `keyframe`: it is an IDR."""

    payload: bytes
    keyframe: bool


class H264Encoder:
    """`fps` sets the stream's clock and level; `crf` 0-51, lower is better and larger."""

    def __init__(self, width: int, height: int, fps: int, preset: str, crf: int) -> None:
        if width % 2 or height % 2:
            raise ValueError(f"I420 needs an even width and height, got {width}x{height}")
        self._shape = (height * 3 // 2, width)
        self._time_base = Fraction(1, fps)
        self._pictures = 0
        self._context = _open_context(width, height, fps, preset, crf)

    @property
    def avcc(self) -> bytes:
        """AVCDecoderConfigurationRecord (ISO/IEC 14496-15, 5.3.3.1), known before any picture."""
        return bytes(self._context.extradata or b"")

    def encode(self, picture: I420Picture, *, keyframe: bool = False) -> CodedPicture:
        """Code one picture, as an IDR if `keyframe`. Its array may be written over afterwards."""
        if picture.shape != self._shape:  # PyAV would scale it without a word
            raise ValueError(f"expected a picture of shape {self._shape}, got {picture.shape}")
        frame = av_frame(picture)
        frame.pts = self._pictures
        frame.time_base = self._time_base
        if keyframe:
            frame.pict_type = PictureType.I
        (packet,) = self._context.encode(frame)
        self._pictures += 1
        return CodedPicture(bytes(packet), packet.is_keyframe)


def _open_context(width: int, height: int, fps: int, preset: str, crf: int) -> VideoCodecContext:
    context = av.CodecContext.create("libx264", "w")
    context.width, context.height, context.pix_fmt = width, height, "yuv420p"
    context.time_base, context.framerate = Fraction(1, fps), Fraction(fps)
    context.color_primaries = context.color_trc = context.colorspace = BT709
    context.color_range = ColorRange.MPEG
    context.thread_count = 1
    context.flags |= Flags.global_header
    context.options = {
        "preset": preset,
        "tune": "zerolatency",
        "crf": str(crf),
        "forced-idr": "1",
        "x264-params": X264_PARAMS,
    }
    context.open()
    return context
