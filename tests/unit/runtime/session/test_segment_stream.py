from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from matinee.media.media_stream import MediaStream
from matinee.session.effects import CloseCode, End, Shown, StartSegment
from matinee.session.segment_stream import Outcome, SegmentStream
from matinee.session.video import JpegStream, SessionVideo
from matinee.worker import messages as worker
from matinee.worker.messages import Cause
from tests.unit.runtime.media.mp4_reading import boxes
from tests.unit.runtime.session.making import (
    FakeJob,
    failed,
    frames_ready,
    segment_done,
    segment_of,
    step,
    studio_of,
)
from tests.unit.runtime.session.memory_outlet import MemoryOutlet
from tests.unit.runtime.session.passing_time import PassingClock

FPS = 25


class Stage:
    """Runs segments of one session and keeps what its viewer gets."""

    def __init__(self, encoders: ThreadPoolExecutor, *, mode: str = "av_fmp4") -> None:
        self.video: SessionVideo = (
            MediaStream(64, 48, FPS) if mode == "av_fmp4" else JpegStream(FPS)
        )
        self.clock = PassingClock(time.monotonic())
        self.studio = studio_of(encoders, self.clock)
        self.steps: list[worker.StepDone] = []
        self.shown = Shown()
        self._mode: Any = mode

    async def run(
        self,
        *events: worker.JobEvent,
        index: int = 0,
        queue_bytes: int = 10**7,
        shown: Shown | None = None,
    ) -> tuple[Outcome, list[dict[str, Any] | bytes]]:
        outlet = MemoryOutlet(video_bytes=queue_bytes)
        self.job = FakeJob(*events)
        self.shown = shown or Shown()
        segment = segment_of(index, asked_at=self.clock.now() - 1.0)
        self.segment = SegmentStream(
            StartSegment(segment, None, self.shown),
            self.job,
            self.video,
            self._mode,
            f"s1-{index}",
            outlet,
            self.studio,
            self.steps.append,
            self._show,
        )
        outcome = await self.segment.run()
        outlet.close(End("stop_requested", CloseCode.NORMAL, ""))
        return outcome, await outlet.read()

    def _show(self, frames: int) -> None:
        self.shown = self.shown.after(frames, self.video.keyframes)


def types(heard: list[dict[str, Any] | bytes]) -> list[str]:
    return [one["type"] if isinstance(one, dict) else "binary" for one in heard]


def told(heard: list[dict[str, Any] | bytes], kind: str) -> dict[str, Any]:
    (message,) = (one for one in heard if isinstance(one, dict) and one["type"] == kind)
    return message


def binaries(heard: list[dict[str, Any] | bytes]) -> list[bytes]:
    return [one for one in heard if isinstance(one, bytes)]


def top_boxes(data: bytes) -> list[str]:
    return [box.path for box in boxes(data) if "/" not in box.path]


@pytest.fixture(scope="module")
def encoders() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as executor:
        yield executor


async def test_a_segment_is_announced_sent_and_summed_up(encoders: ThreadPoolExecutor) -> None:
    stage = Stage(encoders)
    outcome, heard = await stage.run(step(1), *frames_ready(5, 4), segment_done())

    assert isinstance(outcome, worker.SegmentDone)
    assert types(heard) == [
        "media_init",
        *["binary"] * 4,  # init, 1, 4, 4 frames
        "media_segment_complete",
        "ltx2_segment_complete",
    ]
    init, *fragments = binaries(heard)
    assert top_boxes(init) == ["ftyp", "moov"]
    for fragment in fragments:
        assert top_boxes(fragment) == ["moof", "mdat"]
    media = told(heard, "media_init")
    assert (media["mode"], media["timescale"], media["mime"]) == (
        "av_fmp4",
        25_000,
        stage.video.mime,
    )
    complete = told(heard, "media_segment_complete")
    assert complete["stream_id"] == media["stream_id"]
    assert complete["chunks"] == 3
    assert complete["bytes"] == sum(map(len, fragments))
    assert (complete["frames"], complete["duration_ms"], complete["pts_base_ms"]) == (9, 360, 0)
    assert stage.steps == [step(1)]
    assert stage.job.released == list(range(9))


async def test_fragments_end_with_chunks_and_not_where_a_hand_over_does(
    encoders: ThreadPoolExecutor,
) -> None:
    """How many frames are handed over at once depends on timing; the bytes must not."""
    streams = []
    for counts in [(17,), (8, 8, 1), (3, 8, 5, 1)]:
        *within, last = frames_ready(*counts, end_chunks=False)
        stage = Stage(encoders)
        _, heard = await stage.run(
            *within, dataclasses.replace(last, ends_chunk=True), segment_done(17)
        )
        streams.append(binaries(heard))
    assert len(streams[0]) == 1 + 4  # init, then 1, 6, 6, 4 frames
    assert streams[0] == streams[1] == streams[2]


async def test_a_segment_cancelled_within_a_chunk_still_shows_what_was_handed_over(
    encoders: ThreadPoolExecutor,
) -> None:
    _, heard = await Stage(encoders).run(
        *frames_ready(5, end_chunks=False), worker.SegmentCancelled(1, 2)
    )
    assert told(heard, "media_segment_complete")["frames"] == 5


async def test_times_are_counted_from_the_prompt(encoders: ThreadPoolExecutor) -> None:
    _, heard = await Stage(encoders).run(*frames_ready(1), segment_done(1, 500.04))
    complete = told(heard, "ltx2_segment_complete")
    assert complete["generation_time_ms"] == 500.0
    assert 1000 <= complete["first_fragment_ms"] <= complete["e2e_latency_ms"] < 60_000
    assert complete["request_id"] == "r1"


async def test_the_latency_ends_when_the_viewer_gets_the_message(
    encoders: ThreadPoolExecutor,
) -> None:
    stage = Stage(encoders)
    await stage.run(*frames_ready(1), segment_done(1))
    stage.clock.pass_time(76.0)  # one second was over when it began
    assert stage.segment._complete(1.0).e2e_latency_ms == 77_000.0


async def test_the_next_segment_goes_on_in_time_with_the_same_init(
    encoders: ThreadPoolExecutor,
) -> None:
    stage = Stage(encoders)
    _, first = await stage.run(*frames_ready(3), segment_done(3))
    _, second = await stage.run(*frames_ready(3), segment_done(3), index=1)
    assert binaries(first)[0] == binaries(second)[0]
    assert told(second, "media_segment_complete")["pts_base_ms"] == 120
    assert told(first, "media_init")["stream_id"] != told(second, "media_init")["stream_id"]


async def test_a_cancelled_segment_tells_what_was_sent_of_it(encoders: ThreadPoolExecutor) -> None:
    stage = Stage(encoders)
    outcome, heard = await stage.run(*frames_ready(3), worker.SegmentCancelled(1, 2))
    assert isinstance(outcome, worker.SegmentCancelled)
    assert types(heard)[-1] == "media_segment_complete"
    assert stage.segment.summary(outcome)["outcome"] == "cancelled"
    assert stage.segment.summary(outcome)["frames"] == 3


@pytest.mark.parametrize(
    "outcome", [worker.SegmentCancelled(1, 0), failed(Cause.REQUEST), failed(Cause.NO_WORKER)]
)
async def test_a_segment_without_pictures_says_nothing(
    encoders: ThreadPoolExecutor, outcome: Outcome
) -> None:
    stage = Stage(encoders)
    assert await stage.run(outcome) == (outcome, [])
    assert stage.segment.summary(outcome)["first_fragment_ms"] is None


async def test_fragments_that_a_slow_viewer_missed_are_not_counted_as_sent(
    encoders: ThreadPoolExecutor,
) -> None:
    stage = Stage(encoders)
    _, heard = await stage.run(*frames_ready(9, 9), segment_done(18), queue_bytes=1)
    complete = told(heard, "media_segment_complete")
    assert len(binaries(heard)) == 2
    assert (complete["chunks"], complete["frames"]) == (1, 1)
    assert complete["bytes"] == len(binaries(heard)[1])
    assert complete["duration_ms"] == 720
    assert told(heard, "viewer_lagging")["skipped_ms"] == 680


async def test_jpegs_are_sent_one_by_one_without_an_init(encoders: ThreadPoolExecutor) -> None:
    _, heard = await Stage(encoders, mode="legacy_jpeg").run(*frames_ready(3), segment_done(3))
    assert types(heard)[:4] == ["media_init", "binary", "binary", "binary"]
    assert told(heard, "media_init")["mime"] == "image/jpeg"
    assert "timescale" not in told(heard, "media_init")
    assert all(one.startswith(b"\xff\xd8") for one in binaries(heard))


async def test_an_encoder_that_fails_gives_its_slots_back(encoders: ThreadPoolExecutor) -> None:
    stage = Stage(encoders)
    stage.video = MediaStream(32, 32, FPS)  # the pictures are of another size
    with pytest.raises(Exception):  # noqa: B017, PT011 (whatever the encoder raises)
        await stage.run(*frames_ready(3), segment_done(3))
    assert stage.job.released == [0, 1, 2]


async def test_a_job_without_an_outcome_is_a_mistake_of_ours(encoders: ThreadPoolExecutor) -> None:
    with pytest.raises(RuntimeError, match="without an outcome"):
        await Stage(encoders).run(step(1))


async def test_a_segment_made_again_leaves_out_what_was_shown(encoders: ThreadPoolExecutor) -> None:
    whole = Stage(encoders)
    _, first = await whole.run(*frames_ready(9, 8, end_chunks=False), segment_done(17))
    _init, *fragments = binaries(first)
    for count, frames in enumerate([1, 7, 13, 17], start=1):
        again = Stage(encoders)
        _, heard = await again.run(
            *frames_ready(17, end_chunks=False), segment_done(17), shown=Shown(0, frames)
        )
        assert binaries(heard) == fragments[count:]
        assert again.shown.frames == 17
        assert types(heard)[-2:] == ["media_segment_complete", "ltx2_segment_complete"]
        assert told(heard, "media_segment_complete") == told(first, "media_segment_complete")


async def test_a_segment_of_which_nothing_was_shown_is_announced_again(
    encoders: ThreadPoolExecutor,
) -> None:
    _, first = await Stage(encoders).run(*frames_ready(9), segment_done())
    _, again = await Stage(encoders).run(*frames_ready(9), segment_done(), shown=Shown(0, 0))
    assert binaries(again) == binaries(first)
    assert types(again)[0] == "media_init"
