from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from matinee.generation import State
from matinee.worker.job import JobHandle
from matinee.worker.job_table import JobTable
from matinee.worker.messages import (
    Cancel,
    ChunkStarted,
    Command,
    FramesReady,
    Generate,
    JobEvent,
    ReleaseSlots,
    SegmentCancelled,
    SegmentDone,
    SegmentFailed,
    StepDone,
)
from matinee.worker.ring import FrameRing
from tests.unit.runtime.worker.making import segment


class Bench:
    """A table and the commands that its processes got."""

    def __init__(self) -> None:
        self.ring = FrameRing.create(slots=4)
        self.table = JobTable(self.ring)
        self.commands: list[Command] = []

    def new_process(self) -> None:
        self.commands.clear()
        self.table.process_started(self.commands.append)
        self.table.process_ready()


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    bench.new_process()
    yield bench
    bench.ring.close()


def waiting(handle: JobHandle) -> list[JobEvent]:
    return list(handle._events)


def frames(handle: JobHandle, *slots: int, first: int = 0) -> FramesReady:
    return FramesReady(handle.job.job_id, slots, 32, 32, first, ends_chunk=True)


def step(handle: JobHandle, number: int, elapsed_ms: float) -> StepDone:
    return StepDone(handle.job.job_id, number, 4, "denoise", elapsed_ms)


def test_a_job_waits_for_the_process_to_be_ready() -> None:
    bench = Bench()
    handle = bench.table.submit(segment())
    bench.table.process_started(bench.commands.append)
    assert bench.commands == []
    bench.table.process_ready()
    assert [command.job for command in bench.commands if isinstance(command, Generate)] == [
        handle.job
    ]


def test_jobs_of_a_dead_process_go_to_the_next_one_in_order(bench: Bench) -> None:
    handles = [bench.table.submit(segment()) for _ in range(3)]
    bench.table.process_died()
    bench.new_process()
    jobs = [command.job for command in bench.commands if isinstance(command, Generate)]
    assert jobs == [handle.job for handle in handles]


def test_a_job_that_is_cancelled_before_a_process_has_it_ends_at_once(bench: Bench) -> None:
    bench.table.process_died()
    handle = bench.table.submit(segment())
    handle.cancel()
    assert waiting(handle) == [SegmentCancelled(handle.job.job_id, 0)]
    assert len(bench.table) == 0


def test_a_job_whose_process_dies_before_the_cancel_is_confirmed_is_cancelled(
    bench: Bench,
) -> None:
    handle = bench.table.submit(segment())
    handle.cancel()
    assert bench.commands[-1] == Cancel(handle.job.job_id)
    bench.table.process_died()
    assert waiting(handle) == [SegmentCancelled(handle.job.job_id, 0)]


@pytest.mark.parametrize("before", [True, False], ids=["cancel, death", "death, cancel"])
def test_what_was_shown_of_a_cancelled_job_is_made_again_for_the_state_after_it(
    before: bool, bench: Bench
) -> None:
    handle = bench.table.submit(segment())
    bench.table.take(frames(handle, 0, 1))
    if before:
        handle.cancel()
    bench.table.process_died()
    if not before:
        handle.cancel()
    assert not handle.ended
    bench.new_process()
    assert bench.commands == [Generate(handle.job), Cancel(handle.job.job_id, shown_frames=2)]


def test_what_was_shown_to_a_viewer_who_left_is_not_made_again(bench: Bench) -> None:
    handle = bench.table.submit(segment())
    bench.table.take(frames(handle, 0, 1))
    handle.cancel()
    bench.table.process_died()
    handle.abandon()
    assert handle.ended
    assert len(bench.table) == 0


def test_only_the_job_that_was_computed_is_blamed_for_two_deaths(bench: Bench) -> None:
    bystander, culprit = bench.table.submit(segment()), bench.table.submit(segment())
    for _ in range(2):
        bench.table.take(ChunkStarted(bystander.job.job_id))
        bench.table.take(frames(bystander, 0))
        bench.table.take(ChunkStarted(culprit.job.job_id))
        bench.table.process_died()
        bench.new_process()
    (event,) = waiting(culprit)
    assert isinstance(event, SegmentFailed)
    assert not event.bad_input
    assert not bystander.ended
    assert len(bench.table) == 1


def test_slots_that_a_reader_holds_are_not_given_to_the_next_process(bench: Bench) -> None:
    handle = bench.table.submit(segment())
    bench.table.take(frames(handle, 1, 3))
    bench.table.process_died()
    assert bench.table.free_slots() == (0, 2)
    bench.new_process()
    handle.release([3])
    assert bench.commands[-1] == ReleaseSlots((3,))


def test_a_slot_is_released_once(bench: Bench) -> None:
    handle = bench.table.submit(segment())
    bench.table.take(frames(handle, 1))
    handle.release([1])
    with pytest.raises(KeyError):
        handle.release([1])


def test_work_is_counted_even_when_it_is_done_twice(bench: Bench) -> None:
    handle = bench.table.submit(segment())
    bench.table.take(step(handle, 1, 100.0))
    bench.table.take(step(handle, 2, 250.0))
    bench.table.process_died()
    bench.new_process()
    bench.table.take(step(handle, 1, 100.0))
    bench.table.take(frames(handle, 0, 1))
    state = State("fake", {"frames": np.zeros((1, 32, 32, 3), np.uint8)})
    bench.table.take(SegmentDone(handle.job.job_id, state, 2, 500.0))
    counters = bench.table.counters
    assert (counters.steps, counters.frames) == (3, 2)
    assert counters.compute_s == pytest.approx(0.75)


def test_giving_up_ends_every_job_and_later_releases_go_nowhere(bench: Bench) -> None:
    handle = bench.table.submit(segment())
    bench.table.take(frames(handle, 1))
    bench.table.give_up("no GPU")
    assert waiting(handle)[-1] == SegmentFailed(handle.job.job_id, "no GPU", bad_input=False)
    bench.commands.clear()
    handle.release([1])
    assert bench.commands == []
