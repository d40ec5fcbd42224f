"""What a session's pictures become: one endless fMP4, or a JPEG each for `legacy_jpeg`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from matinee.generation import AudioFormat, GenerationDefaults, Samples
from matinee.media.i420 import I420Picture
from matinee.media.jpeg import encode_jpeg
from matinee.media.media_stream import Fragment, MediaStream
from matinee.wire.client_messages import StreamMode
from matinee_api.config.runtime_config import StreamingConfig


@dataclass(frozen=True, slots=True)
class EncoderSettings:
    """All that a session's bytes depend on besides its pictures."""

    mode: StreamMode
    width: int
    height: int
    fps: int
    preset: str
    crf: int
    first_fragment_frames: int
    fragment_frames: int
    audio: AudioFormat | None = None


def encoder_settings(
    mode: StreamMode,
    defaults: GenerationDefaults,
    config: StreamingConfig,
    audio: AudioFormat | None,
) -> EncoderSettings:
    """For a session of these dimensions and this sound."""
    return EncoderSettings(
        mode,
        defaults.width,
        defaults.height,
        defaults.fps,
        config.encoder_preset,
        config.encoder_crf,
        config.first_fragment_frames,
        config.fragment_frames,
        audio,
    )


class SessionVideo(Protocol):
    """One session's encoder. All but `request_keyframe` runs in an encoder thread.

    `keyframes`: those that were asked for in this segment.
    """

    @property
    def mime(self) -> str: ...
    @property
    def timescale(self) -> int | None: ...
    @property
    def init(self) -> bytes | None: ...
    @property
    def pts_ms(self) -> float: ...
    @property
    def keyframes(self) -> tuple[int, ...]: ...
    def start_segment(self, keyframes: Collection[int] = ()) -> None: ...
    def request_keyframe(self) -> None: ...
    def push(self, picture: I420Picture, sound: Samples | None = None) -> Fragment | None: ...
    def flush(self) -> Fragment | None: ...
    def finish(self) -> list[Fragment]: ...


class JpegStream:
    """`legacy_jpeg`: every picture is a frame of its own; nothing comes before the first."""

    mime = "image/jpeg"
    timescale = None
    init = None
    keyframes: tuple[int, ...] = ()

    def __init__(self, fps: int, start_frame: int = 0) -> None:
        self._frame_ms = 1000 / fps
        self._frames = start_frame

    @property
    def pts_ms(self) -> float:
        return self._frames * self._frame_ms

    def start_segment(self, keyframes: Collection[int] = ()) -> None:
        """Nothing to do: each picture stands alone."""

    def request_keyframe(self) -> None:
        """Nothing to do: each picture stands alone."""

    def push(self, picture: I420Picture, sound: Samples | None = None) -> Fragment | None:
        del sound  # a JPEG has none
        fragment = Fragment(encode_jpeg(picture), 1, self.pts_ms, self._frame_ms, keyframe=True)
        self._frames += 1
        return fragment

    def flush(self) -> Fragment | None:
        return None

    def finish(self) -> list[Fragment]:
        return []


def open_video(
    settings: EncoderSettings, start_frame: int = 0, start_fragment: int = 0
) -> SessionVideo:
    """`start_frame`, `start_fragment`: how many came before, in an earlier life of the session."""
    if settings.mode == "legacy_jpeg":
        return JpegStream(settings.fps, start_frame)
    return MediaStream(
        settings.width,
        settings.height,
        settings.fps,
        audio=settings.audio,
        preset=settings.preset,
        crf=settings.crf,
        first_fragment_frames=settings.first_fragment_frames,
        fragment_frames=settings.fragment_frames,
        start_frame=start_frame,
        start_fragment=start_fragment,
    )


def encode(
    video: SessionVideo,
    pictures: Sequence[I420Picture],
    sounds: Sequence[Samples | None],
    emit: Callable[[Fragment], object],
    *,
    flush: bool,
) -> None:
    """Encode pictures and their sounds, handing each fragment to `emit` as soon as it is complete.
    `flush`: nothing follows soon, so what waits for its fragment to fill up is given too."""
    for picture, sound in zip(pictures, sounds, strict=True):
        if fragment := video.push(picture, sound):
            emit(fragment)
    if flush and (fragment := video.flush()):
        emit(fragment)
