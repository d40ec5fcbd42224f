from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest

from matinee.generation import Pcm, State, cut_sound, samples_of
from matinee.media.i420 import I420Picture
from matinee.worker.job import JobHandle
from matinee.worker.messages import (
    Cause,
    FramesReady,
    JobEvent,
    SegmentCancelled,
    SegmentDone,
    SegmentFailed,
    StepDone,
)
from tests.unit.runtime.worker.making import segment


class Owner:
    def __init__(self) -> None:
        self.released: list[int] = []
        self.cancelled: list[tuple[int, int]] = []
        """Jobs, and what was shown of them."""

    def picture(self, slot: int, width: int, height: int) -> I420Picture:
        return np.full((height * 3 // 2, width), slot, np.uint8)

    def release(self, slots: Iterable[int]) -> None:
        self.released += slots

    def cancel(self, handle: JobHandle) -> None:
        self.cancelled.append((handle.job.job_id, handle.shown_frames))


def new_handle() -> tuple[JobHandle, Owner]:
    owner = Owner()
    return JobHandle(segment(), owner), owner


def step(number: int) -> StepDone:
    return StepDone(1, number, 8, "denoise", 10.0 * number)


def frames(first: int, *slots: int) -> FramesReady:
    return FramesReady(1, slots, 32, 32, first, ends_chunk=True)


def state() -> State:
    return State("fake", {"frames": np.zeros((1, 32, 32, 3), np.uint8)})


def done() -> SegmentDone:
    return SegmentDone(1, state(), frames=8, compute_ms=1.0)


async def drain(handle: JobHandle) -> list[JobEvent]:
    return [event async for event in handle]


async def test_events_come_out_in_order_and_the_iteration_ends_after_the_last() -> None:
    handle, _ = new_handle()
    events: list[JobEvent] = [step(1), frames(0, 5, 6), done()]
    for event in events:
        handle.accept(event)
    assert await drain(handle) == events


async def test_a_reader_that_waits_is_woken() -> None:
    handle, _ = new_handle()
    reader = asyncio.create_task(drain(handle))
    await asyncio.sleep(0)
    handle.accept(end := SegmentFailed(1, "no", Cause.NO_WORKER))
    assert await reader == [end]


async def test_a_slow_reader_sees_only_the_newest_progress() -> None:
    handle, _ = new_handle()
    for event in (step(1), step(2), frames(0, 5), step(3), step(4), step(5)):
        handle.accept(event)
    assert list(handle._events) == [step(2), frames(0, 5), step(5)]


async def test_frames_delivered_before_a_restart_are_left_out_and_their_slots_released() -> None:
    handle, owner = new_handle()
    for event in (frames(0, 1, 2, 3), frames(0, 4, 5), frames(2, 6, 7, 8), frames(5, 9), done()):
        handle.accept(event)
    shown = [event for event in await drain(handle) if isinstance(event, FramesReady)]
    assert shown == [frames(0, 1, 2, 3), frames(3, 7, 8), frames(5, 9)]
    assert owner.released == [4, 5, 6]


async def test_sound_delivered_before_a_restart_is_left_out_with_its_frames() -> None:
    handle, _ = new_handle()
    places = np.arange(samples_of(0, 8, 44_100, 24), dtype=np.float32)[:, None]
    first, rest = cut_sound(Pcm(places, 44_100), 0, 3, 24)
    handle.accept(replace(frames(0, 0, 1, 2), audio=first))
    handle.accept(replace(frames(0, 0, 1, 2, 3, 4, 5, 6, 7), audio=Pcm(places, 44_100)))
    handle.accept(done())
    events = [event for event in await drain(handle) if isinstance(event, FramesReady)]
    assert [event.first_frame for event in events] == [0, 3]
    assert rest is not None
    assert events[1].audio is not None
    assert np.array_equal(events[1].audio.samples, rest.samples)


async def test_pictures_are_those_of_the_events_slots() -> None:
    handle, _ = new_handle()
    pictures = handle.pictures(frames(0, 3, 4))
    assert [(picture.shape, picture[0, 0]) for picture in pictures] == [
        ((48, 32), 3),
        ((48, 32), 4),
    ]


async def test_frames_that_are_made_before_the_confirmation_of_a_cancel_still_come() -> None:
    """The state that the confirmation brings goes on after them."""
    handle, owner = new_handle()
    handle.accept(step(3))
    handle.accept(frames(0, 1, 2))
    handle.cancel()
    handle.cancel()
    handle.accept(step(4))
    handle.accept(frames(2, 3))
    confirmed = SegmentCancelled(handle.job.job_id, 4, state())
    handle.accept(confirmed)
    assert await drain(handle) == [frames(0, 1, 2), frames(2, 3), confirmed]
    assert owner.released == []
    assert owner.cancelled == [(handle.job.job_id, 2)]


async def test_a_segment_that_was_finished_meanwhile_is_shown_and_counts_as_cancelled() -> None:
    handle, owner = new_handle()
    handle.accept(step(8))
    handle.accept(frames(0, 1))
    handle.accept(end := done())
    handle.cancel()
    *before, last = await drain(handle)
    assert before == [frames(0, 1)]
    assert last == SegmentCancelled(handle.job.job_id, 8, end.state)
    assert owner.cancelled == []


@pytest.mark.parametrize("cancelled", [False, True])
async def test_an_abandoned_job_gives_back_its_frames_and_ends(cancelled: bool) -> None:
    handle, owner = new_handle()
    handle.accept(frames(0, 1, 2))
    if cancelled:
        handle.cancel()
    handle.abandon()
    handle.accept(frames(2, 3))
    handle.accept(SegmentCancelled(handle.job.job_id, 4))
    assert await drain(handle) == [SegmentCancelled(handle.job.job_id, 4)]
    assert owner.released == [1, 2, 3]
    for_nobody = (handle.job.job_id, 0)
    assert owner.cancelled == ([(handle.job.job_id, 2)] if cancelled else []) + [for_nobody]


async def test_an_abandoned_job_that_was_finished_gives_back_its_frames() -> None:
    handle, owner = new_handle()
    handle.accept(frames(0, 1))
    handle.accept(done())
    handle.abandon()
    (end,) = await drain(handle)
    assert isinstance(end, SegmentCancelled)
    assert owner.released == [1]
    assert owner.cancelled == []


async def test_a_cancel_after_the_end_was_read_changes_nothing() -> None:
    handle, owner = new_handle()
    handle.accept(done())
    await drain(handle)
    handle.cancel()
    assert not handle.cancelled
    assert owner.cancelled == []
