"""A session's video: pictures and sound enter, fragments of one endless fragmented MP4 leave.

The stream has one timeline. Segments follow each other on it without a gap, however many pictures
each turns out to have, and a session that resumes elsewhere goes on at its `start_frame`. A
segment's first fragment is short, so that its first picture leaves at once.

An IDR is always the first picture of its fragment, so that a viewer for whom fragments were
skipped can go on at the next fragment with `keyframe`. There is one at least every two seconds, so
that players can seek in what was recorded.

A fragment carries the sound that is coded by then, which is up to three AAC frames less than its
pictures: the rest comes with the next one, or with `finish`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import partial

from matinee.generation import AudioFormat, Samples
from matinee.media.fmp4 import Run, Sample, fragment, init_segment
from matinee.media.h264 import CodedPicture, H264Encoder
from matinee.media.i420 import I420Picture
from matinee.media.sound_track import SoundTrack
from matinee.media.tracks import Track, VideoTrack

FRAME_TICKS = 1000
"""A frame's duration; a second has `fps` times as many ticks, so every time is exact."""
VIDEO_TRACK_ID = 1
AUDIO_TRACK_ID = 2
LONGEST_WITHOUT_IDR_S = 2
"""Within a segment, which begins with one."""


@dataclass(frozen=True, slots=True)
class Fragment:
    """One moof and mdat. `pts_ms`: its start on the session's timeline. `keyframe`: it starts with
    an IDR and needs nothing before it."""

    data: bytes
    frames: int
    pts_ms: float
    duration_ms: float
    keyframe: bool


class MediaStream:
    """Encoder and writer of one session.

    Each segment has an encoder of its own, so that its bytes depend on nothing but its pictures,
    its place and `keyframes`: made again elsewhere, they are the same. Sound has one encoder for
    the session, because its frames overlap: at every join a new one would leave a gap.

    `audio`: of the model's sound; None for one that makes none. `start_frame`, `start_fragment`:
    frames and fragments that came before, in an earlier life of the session.
    `first_fragment_frames`, `fragment_frames`: in a segment's first fragment and in each later one.
    """

    def __init__(
        self,
        width: int,
        height: int,
        fps: int,
        *,
        audio: AudioFormat | None = None,
        preset: str = "ultrafast",
        crf: int = 23,
        first_fragment_frames: int = 1,
        fragment_frames: int = 6,
        start_frame: int = 0,
        start_fragment: int = 0,
    ) -> None:
        self.keyframes: tuple[int, ...] = ()
        """The segment's pictures that became an IDR because it was asked for, counted from 0."""
        self._fps = fps
        self._first_fragment_frames = first_fragment_frames
        self._fragment_frames = fragment_frames
        self._open_encoder = partial(H264Encoder, width, height, fps, preset, crf)
        self._encoder = self._open_encoder()
        self._track = VideoTrack(VIDEO_TRACK_ID, self.timescale, width, height, self._encoder.avcc)
        self._sound = SoundTrack(AUDIO_TRACK_ID, audio, fps, start_frame) if audio else None
        self._written_frames = start_frame
        self._fragments = start_fragment
        self._pending: list[CodedPicture] = []
        self._pictures = 0
        self.start_segment()

    @property
    def timescale(self) -> int:
        """Ticks a second."""
        return self._fps * FRAME_TICKS

    @property
    def avcc(self) -> bytes:
        """How its pictures are coded: see `H264Encoder.avcc`."""
        return self._track.avcc

    @property
    def mime(self) -> str:
        """Type with the true codecs, as `MediaSource.addSourceBuffer` wants it."""
        return f'video/mp4; codecs="{",".join(track.codec for track in self._tracks)}"'

    @property
    def init(self) -> bytes:
        """ftyp and moov; the same bytes during the whole session."""
        return init_segment(self._tracks)

    @property
    def _tracks(self) -> list[Track]:
        return [self._track, self._sound.track] if self._sound else [self._track]

    @property
    def next_frame(self) -> int:
        """Place of the next picture on the session's timeline, counted from 0."""
        return self._written_frames + len(self._pending)

    @property
    def pts_ms(self) -> float:
        """The time at which the next picture will be shown."""
        return self._milliseconds(self.next_frame)

    def start_segment(self, keyframes: Collection[int] = ()) -> None:
        """The next picture begins a segment. `flush` the segment before it first. `keyframes`: as
        an earlier life of the segment left them. May take milliseconds."""
        if self._pictures:
            self._encoder = self._open_encoder()
        self._pictures = 0
        self._keyframe_due = False
        self._keyframes_known = frozenset(keyframes)
        self.keyframes = ()
        self._frames_due = self._first_fragment_frames
        if self._sound:
            self._sound.start_segment()

    def request_keyframe(self) -> None:
        """Let the next picture be an IDR, for a viewer who missed some before it."""
        self._keyframe_due = True

    def push(self, picture: I420Picture, sound: Samples | None = None) -> Fragment | None:
        """Encode a picture and its sound; return a fragment when one is complete."""
        keyframe = self._takes_keyframe()
        complete = self.flush() if keyframe else None
        return self._take(self._encoder.encode(picture, keyframe=keyframe), sound, complete)

    def copy(self, coded: CodedPicture, sound: Samples | None = None) -> Fragment | None:
        """The same with a picture that an encoder of the same `avcc` has coded; the first must be
        an IDR, and a segment must be started before one is pushed."""
        complete = self.flush() if coded.keyframe else None
        return self._take(coded, sound, complete)

    def _take(
        self, coded: CodedPicture, sound: Samples | None, complete: Fragment | None
    ) -> Fragment | None:
        self._pending.append(coded)
        if self._sound:
            self._sound.push(sound)
        self._pictures += 1
        if complete is None and len(self._pending) >= self._frames_due:
            return self.flush()
        return complete

    def _takes_keyframe(self) -> bool:
        # Taken before encoding: another thread may ask for the next one meanwhile.
        asked, self._keyframe_due = self._keyframe_due, False
        place = self._pictures
        if place and (asked or place in self._keyframes_known):
            self.keyframes = (*self.keyframes, place)
            return True
        return place % (LONGEST_WITHOUT_IDR_S * self._fps) == 0

    def flush(self) -> Fragment | None:
        """The pictures that wait for their fragment to fill up, if any. Call it when no picture
        will come soon: at the end of a chunk and of a segment, cancelled or not."""
        if not self._pending:
            return None
        complete = Fragment(
            data=self._fragment_bytes(),
            frames=len(self._pending),
            pts_ms=self._milliseconds(self._written_frames),
            duration_ms=self._milliseconds(len(self._pending)),
            keyframe=self._pending[0].keyframe,
        )
        self._written_frames += len(self._pending)
        self._pending.clear()
        self._frames_due = self._fragment_frames
        return complete

    def finish(self) -> list[Fragment]:
        """What is left at the very end: pictures that wait, and the rest of the sound. Nothing may
        follow."""
        pictures = self.flush()
        sound = self._sound.finish() if self._sound else None
        left = [pictures] if pictures else []
        if sound:
            data = self._numbered([sound])
            left.append(Fragment(data, 0, self.pts_ms, 0.0, keyframe=False))
        return left

    def _fragment_bytes(self) -> bytes:
        samples = tuple(Sample(p.payload, FRAME_TICKS, p.keyframe) for p in self._pending)
        runs = [Run(VIDEO_TRACK_ID, self._written_frames * FRAME_TICKS, samples)]
        if self._sound and (sound := self._sound.run()):
            runs.append(sound)
        return self._numbered(runs)

    def _numbered(self, runs: list[Run]) -> bytes:
        self._fragments += 1
        return fragment(self._fragments, runs)

    def _milliseconds(self, frames: int) -> float:
        return frames * 1000 / self._fps
