from __future__ import annotations

import numpy as np
import pytest

from matinee.errors import MatineeError, WorkerFailed
from matinee.generation import Chunk, Pcm, SegmentRequest, joined_sound, with_defaults
from matinee.mock.backend import MockEngine, load, rgb_to_i420
from matinee.mock.pattern import number_of
from matinee.mock.run import MockRun
from matinee.mock.settings import Fault, MockSettings
from matinee.state.codec import state_of_image
from tests.places import ROOT
from tests.unit.runtime.media.sounds import tone

QUICK = MockSettings(width=64, height=34, step_ms=0, fault_seconds=0)


def request(engine: MockEngine, num_frames: int = 49) -> SegmentRequest:
    return with_defaults(engine.info.defaults, "a red ball", 7, num_frames=num_frames)


def made(run: MockRun) -> list[Chunk]:
    chunks = []
    while not run.finished:
        chunks.append(run.next_chunk(lambda _progress: None))
    return chunks


def numbers(chunks: list[Chunk]) -> list[int]:
    return [number_of(frame) for chunk in chunks for frame in chunk.frames]


def test_what_the_command_was_told_reaches_the_worker() -> None:
    settings = QUICK.model_copy(update={"sound": True, "faults": (Fault.LATE, Fault.CLOSE)})
    engine = load(settings.generator())
    assert engine._settings == settings
    assert (engine.info.defaults.width, engine.info.defaults.height) == (64, 34)


def test_a_segment_has_the_steps_and_chunks_that_the_page_tells() -> None:
    page = (ROOT / "docs" / "mock-server.md").read_text()
    engine = MockEngine(QUICK)
    run = engine.begin(with_defaults(engine.info.defaults, "a red ball", 7))
    chunks = [plan.new for plan in run._plans]
    each = run.total_steps // len(chunks)
    assert f"has {sum(chunks)} frames in {len(chunks)} chunks of {each} steps" in page


def test_the_frames_of_all_segments_are_counted_on() -> None:
    engine = MockEngine(QUICK)
    first = engine.begin(request(engine))
    assert numbers(made(first)) == list(range(49))
    second = engine.begin(request(engine), first.state())
    assert numbers(made(second)) == list(range(49, 97))


def test_a_video_begins_with_the_image_that_is_given() -> None:
    engine = MockEngine(QUICK)
    picture = np.full((34, 64, 3), 77, np.uint8)
    run = engine.begin(request(engine), state_of_image(engine.info, picture))
    chunks = made(run)
    assert np.array_equal(chunks[0].frames[0], picture)
    assert numbers(chunks)[1:] == list(range(1, 49))


def test_the_tone_goes_on_over_chunks_and_segments() -> None:
    engine = MockEngine(QUICK.model_copy(update={"sound": True}))
    first = engine.begin(request(engine))
    chunks = made(first)
    chunks += made(engine.begin(request(engine), first.state()))
    sounds: list[Pcm] = [chunk.audio for chunk in chunks if chunk.audio]
    heard = joined_sound(sounds)
    assert heard is not None
    assert len(heard.samples) == 97 * 2000
    assert np.abs(heard.samples - tone(440, 97 * 2000, 48_000) / 2).max() < 1e-6


@pytest.mark.parametrize(
    ("rgb", "yuv"),
    [
        ((0, 0, 0), (16, 128, 128)),
        ((255, 255, 255), (235, 128, 128)),
        ((255, 0, 0), (63, 102, 240)),
    ],
)
def test_colours_are_those_of_bt_709(rgb: tuple[int, ...], yuv: tuple[int, ...]) -> None:
    frames = np.broadcast_to(np.array(rgb, np.uint8), (2, 34, 64, 3))
    pictures = [np.empty((51, 64), np.uint8) for _ in frames]
    rgb_to_i420(frames, pictures)
    planes = np.split(pictures[1].ravel(), [34 * 64, 34 * 64 + 17 * 32])
    for plane, value in zip(planes, yuv, strict=True):
        assert np.abs(plane.astype(int) - value).max() <= 1


def test_faults_befall_every_other_segment_one_after_the_other() -> None:
    engine = MockEngine(
        QUICK.model_copy(update={"faults": (Fault.ERROR, Fault.STALL, Fault.CLOSE)})
    )
    for error in (None, MatineeError, None, None, None, WorkerFailed, None, MatineeError):
        run = engine.begin(request(engine, num_frames=25))
        if error is None:
            assert len(made(run)) == 1
        else:
            with pytest.raises(error):
                made(run)


def test_a_fault_comes_when_the_first_frames_are_there() -> None:
    engine = MockEngine(QUICK.model_copy(update={"faults": (Fault.ERROR,)}))
    engine.begin(request(engine))
    run = engine.begin(request(engine))
    with pytest.raises(MatineeError):
        made(run)
    assert run._frames == 25
