"""A session's sound beside its pictures: the sound of each frame enters, runs of AAC leave.

There are always as many samples as the frames so far last, so that sound and pictures never drift
apart: sound that is missing is silence. A segment counts its samples from its own beginning, which
may be half a sample off where a frame is not a whole number of them; the next segment's first
frame makes up for it.
"""

from __future__ import annotations

import numpy as np

from matinee.generation import AudioFormat, Samples, samples_before, samples_of
from matinee.media.aac import FRAME_SAMPLES, PRIMING, AacEncoder
from matinee.media.fmp4 import Run, Sample
from matinee.media.tracks import AudioTrack


class SoundTrack:
    """`start_frame`: of the session's timeline; sound begins with it."""

    def __init__(self, track_id: int, audio: AudioFormat, fps: int, start_frame: int) -> None:
        self._audio = audio
        self._fps = fps
        self._encoder = AacEncoder(audio)
        self.track = AudioTrack(
            track_id, audio.rate, audio.channels, self._encoder.audio_specific_config, PRIMING
        )
        self._frames = start_frame
        self._taken = samples_before(start_frame, audio.rate, fps)
        """Samples taken in, on the session's timeline."""
        self._decode_time = self._taken
        self._coded: list[bytes] = []
        self.start_segment()

    def start_segment(self) -> None:
        self._segment_frame = 0
        self._owed = samples_before(self._frames, self._audio.rate, self._fps) - self._taken

    def push(self, sound: Samples | None) -> None:
        """The sound of the next frame."""
        due = samples_of(self._segment_frame, 1, self._audio.rate, self._fps) + self._owed
        self._owed = 0
        self._segment_frame += 1
        self._frames += 1
        self._taken += due
        self._coded += self._encoder.encode(_fitted(sound, due, self._audio.channels))

    def run(self) -> Run | None:
        """What was coded since the last call, if anything."""
        return self._run_of([Sample(payload, FRAME_SAMPLES) for payload in self._taken_out()])

    def finish(self) -> Run | None:
        """The end of the sound, to the sample. Nothing may follow."""
        self._coded += self._encoder.finish()
        samples = [Sample(payload, FRAME_SAMPLES) for payload in self._taken_out()]
        silence = self._decode_time + FRAME_SAMPLES * len(samples) - PRIMING - self._taken
        if samples:
            samples[-1] = Sample(samples[-1].payload, FRAME_SAMPLES - silence)
        return self._run_of(samples)

    def _taken_out(self) -> list[bytes]:
        coded, self._coded = self._coded, []
        return coded

    def _run_of(self, samples: list[Sample]) -> Run | None:
        if not samples:
            return None
        run = Run(self.track.track_id, self._decode_time, tuple(samples))
        self._decode_time += sum(sample.duration for sample in samples)
        return run


def _fitted(sound: Samples | None, count: int, channels: int) -> Samples:
    """Exactly `count` samples that an encoder can take."""
    if sound is None or not len(sound):
        return np.zeros((count, channels), np.float32)
    missing = max(0, count - len(sound))
    whole = np.pad(sound[:count], ((0, missing), (0, 0)), mode="edge")
    return np.clip(np.nan_to_num(whole), -1, 1)
