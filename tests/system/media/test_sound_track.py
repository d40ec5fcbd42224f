from __future__ import annotations

import numpy as np
import pytest

from matinee.generation import AudioFormat, Samples, samples_of
from matinee.media.aac import FRAME_SAMPLES, PRIMING
from matinee.media.fmp4 import Run
from matinee.media.sound_track import SoundTrack
from tests.unit.runtime.media.sounds import tone

FPS = 24


def pushed(track: SoundTrack, frames: int, rate: int, *, missing: int = 0) -> None:
    """A segment whose frames have `missing` samples less than they last."""
    track.start_segment()
    for frame in range(frames):
        track.push(tone(440, samples_of(frame, 1, rate, FPS) - missing, rate))


def duration(runs: list[Run | None]) -> int:
    """Ticks, less the priming."""
    return sum(sample.duration for run in runs if run for sample in run.samples) - PRIMING


@pytest.mark.parametrize("rate", [48_000, 44_100, 24_000])
@pytest.mark.parametrize("segments", [[17], [17, 16, 16], [1, 1, 1, 1, 1]])
def test_the_sound_lasts_as_long_as_the_frames_to_the_sample(
    rate: int, segments: list[int]
) -> None:
    track = SoundTrack(2, AudioFormat(rate, 2), FPS, 0)
    runs = []
    for frames in segments:
        pushed(track, frames, rate)
        runs.append(track.run())
    runs.append(track.finish())
    assert duration(runs) == sum(segments) * rate // FPS


def test_runs_follow_each_other_without_a_gap() -> None:
    track = SoundTrack(2, AudioFormat(48_000, 2), FPS, 0)
    at = 0
    for _ in range(3):
        pushed(track, 5, 48_000)
        run = track.run()
        assert run is not None
        assert run.decode_time == at
        at += FRAME_SAMPLES * len(run.samples)


def test_a_session_that_resumes_goes_on_at_its_frame() -> None:
    track = SoundTrack(2, AudioFormat(48_000, 2), FPS, start_frame=50)
    pushed(track, 5, 48_000)
    run = track.run()
    assert run is not None
    assert run.decode_time == 50 * 2000


@pytest.mark.parametrize(
    "sound",
    [None, np.empty((0, 2), np.float32), np.full((2000, 2), np.nan, np.float32)],
    ids=["none", "empty", "not a number"],
)
def test_sound_that_is_not_there_is_silence(sound: Samples | None) -> None:
    tracks = [SoundTrack(2, AudioFormat(48_000, 2), FPS, 0) for _ in range(2)]
    for _ in range(3):
        tracks[0].push(sound)
        tracks[1].push(np.zeros((2000, 2), np.float32))
    assert tracks[0].run() == tracks[1].run()


def test_frames_with_too_little_sound_do_not_pull_the_rest_forward() -> None:
    track = SoundTrack(2, AudioFormat(48_000, 2), FPS, 0)
    pushed(track, 10, 48_000, missing=500)
    assert duration([track.run(), track.finish()]) == 10 * 2000


def test_a_track_without_a_frame_has_nothing_to_say() -> None:
    track = SoundTrack(2, AudioFormat(48_000, 2), FPS, 0)
    assert (track.run(), track.finish()) == (None, None)
