"""What an MP4 file says of one track: its codec, its clock and, for video, its size and colours.

A track is a value. `fmp4.init_segment` turns tracks into a `moov`; the methods here give the parts
that differ between video and audio. The codec's own set-up comes from the encoder as it is:
`avcc` is libx264's extradata, `audio_specific_config` the AAC encoder's.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import ClassVar

from matinee.media.boxes import box, full_box
from matinee.media.i420 import BT709


@dataclass(frozen=True, slots=True)
class VideoTrack:
    """H.264 in BT.709, limited range, square pixels. `timescale`: ticks of its clock a second."""

    track_id: int
    timescale: int
    width: int
    height: int
    avcc: bytes

    priming: ClassVar[int] = 0
    handler: ClassVar[bytes] = b"vide"
    volume: ClassVar[int] = 0

    @property
    def codec(self) -> str:
        """RFC 6381 name: profile, constraints and level, which avcC repeats from the SPS."""
        return f"avc1.{self.avcc[1:4].hex()}"

    def media_header(self) -> bytes:
        """vmhd (ISO/IEC 14496-12, 12.1.2)."""
        return full_box(b"vmhd", 0, 1, bytes(8))

    def sample_entry(self) -> bytes:
        """avc1 (ISO/IEC 14496-15, 5.4.2.1) with avcC, pasp and colr (14496-12, 12.1.4, 12.1.5)."""
        dots_per_inch, depth, no_colour_table = 72 << 16, 24, -1
        return box(
            b"avc1",
            struct.pack(">6xH16xHH", 1, self.width, self.height),
            struct.pack(">II4xH32xHh", dots_per_inch, dots_per_inch, 1, depth, no_colour_table),
            box(b"avcC", self.avcc),
            box(b"pasp", struct.pack(">II", 1, 1)),
            box(b"colr", struct.pack(">4sHHHB", b"nclx", BT709, BT709, BT709, 0)),
        )


@dataclass(frozen=True, slots=True)
class AudioTrack:
    """AAC. `timescale` is the sampling rate, at most 65535 Hz (a field of mp4a is that narrow).
    `priming`: samples that the encoder puts before the first one that it was given, 1024 with
    libavcodec's; they are decoded and not heard.
    """

    track_id: int
    timescale: int
    channels: int
    audio_specific_config: bytes
    priming: int

    handler: ClassVar[bytes] = b"soun"
    volume: ClassVar[int] = 0x0100
    width: ClassVar[int] = 0
    height: ClassVar[int] = 0

    @property
    def codec(self) -> str:
        """RFC 6381 name; the object type is the configuration's first five bits."""
        return f"mp4a.40.{self.audio_specific_config[0] >> 3}"

    def media_header(self) -> bytes:
        """smhd (ISO/IEC 14496-12, 12.2.2)."""
        return full_box(b"smhd", 0, 0, bytes(4))

    def sample_entry(self) -> bytes:
        """mp4a (ISO/IEC 14496-12, 12.2.3) with esds (ISO/IEC 14496-14, 6.7)."""
        bits = 16
        return box(
            b"mp4a",
            struct.pack(">6xH8xHH4xI", 1, self.channels, bits, self.timescale << 16),
            full_box(b"esds", 0, 0, self._elementary_stream()),
        )

    def _elementary_stream(self) -> bytes:
        """ES_Descriptor (ISO/IEC 14496-1, 7.2.6.5) of an AAC stream."""
        aac, audio_stream, buffer_size, bitrate = 0x40, 0x15, bytes(3), 0
        decoder = struct.pack(">BB3sII", aac, audio_stream, buffer_size, bitrate, bitrate)
        return _descriptor(
            3,
            struct.pack(">HB", self.track_id, 0),
            _descriptor(4, decoder, _descriptor(5, self.audio_specific_config)),
            _descriptor(6, b"\x02"),
        )


Track = VideoTrack | AudioTrack


def _descriptor(tag: int, *parts: bytes) -> bytes:
    """A descriptor (ISO/IEC 14496-1, 8.3.3); ours are all shorter than 128 bytes."""
    content = b"".join(parts)
    return bytes((tag, len(content))) + content
