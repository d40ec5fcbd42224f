from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from matinee.generation import State
from matinee.worker.job import JobHandle
from matinee.worker.job_table import Death, JobTable
from matinee.worker.messages import (
    Cancel,
    Cause,
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
from matinee.worker.quarantine import REFUSED_FOR_S, Quarantine
from matinee.worker.ring import FrameRing
from tests.unit.runtime.worker.making import segment


class Bench:
    """A table and the commands that its processes got."""

    def __init__(self) -> None:
        self.ring = FrameRing.create(slots=4)
        self.now = 0.0
        self.table = JobTable(self.ring, Quarantine(), lambda: self.now)
        self.commands: list[Command] = []

    def die_in(self, handle: JobHandle, how: Death) -> None:
        """A process dies in that job's chunk, and another one comes."""
        self.table.take(ChunkStarted(handle.job.job_id))
        assert self.table.process_died(how)
        self.new_process()

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
    bench.table.process_died(Death.FROM_OUTSIDE)
    bench.new_process()
    jobs = [command.job for command in bench.commands if isinstance(command, Generate)]
    assert jobs == [handle.job for handle in handles]


def test_a_job_that_is_cancelled_before_a_process_has_it_ends_at_once(bench: Bench) -> None:
    bench.table.process_died(Death.FROM_OUTSIDE)
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
    bench.table.process_died(Death.FROM_OUTSIDE)
    assert waiting(handle) == [SegmentCancelled(handle.job.job_id, 0)]


@pytest.mark.parametrize("before", [True, False], ids=["cancel, death", "death, cancel"])
def test_what_was_shown_of_a_cancelled_job_is_made_again_for_the_state_after_it(
    before: bool, bench: Bench
) -> None:
    handle = bench.table.submit(segment())
    bench.table.take(frames(handle, 0, 1))
    if before:
        handle.cancel()
    bench.table.process_died(Death.FROM_OUTSIDE)
    if not before:
        handle.cancel()
    assert not handle.ended
    bench.new_process()
    assert bench.commands == [Generate(handle.job), Cancel(handle.job.job_id, shown_frames=2)]


def test_what_was_shown_to_a_viewer_who_left_is_not_made_again(bench: Bench) -> None:
    handle = bench.table.submit(segment())
    bench.table.take(frames(handle, 0, 1))
    handle.cancel()
    bench.table.process_died(Death.FROM_OUTSIDE)
    handle.abandon()
    assert handle.ended
    assert len(bench.table) == 0


def test_the_job_that_was_computed_is_retried_once_when_its_process_was_killed(
    bench: Bench,
) -> None:
    bystander, culprit = bench.table.submit(segment()), bench.table.submit(segment("deadly"))
    for _ in range(2):
        assert not culprit.ended
        bench.table.take(ChunkStarted(bystander.job.job_id))
        bench.table.take(frames(bystander, 0))
        bench.die_in(culprit, Death.FROM_OUTSIDE)
    (event,) = waiting(culprit)
    assert isinstance(event, SegmentFailed)
    assert event.cause is Cause.DEADLY
    assert not bystander.ended
    assert bench.commands == [Generate(bystander.job)]


def test_a_job_whose_process_hung_or_crashed_is_given_to_no_other(bench: Bench) -> None:
    bystander = bench.table.submit(segment(steps=3))
    culprit = bench.table.submit(segment("deadly"))
    bench.die_in(culprit, Death.BY_ITSELF)
    assert waiting(culprit)[-1].cause is Cause.DEADLY  # type: ignore[union-attr]
    assert bench.commands == [Generate(bystander.job)]


def test_what_killed_a_process_is_refused_to_all_and_those_who_wait_with_it(bench: Bench) -> None:
    culprit = bench.table.submit(segment("deadly", steps=99))
    queued = bench.table.submit(segment("larger", steps=100))
    bench.die_in(culprit, Death.BY_ITSELF)
    later = bench.table.submit(segment("deadly", session="another", steps=99))
    for refused in (queued, later):
        (event,) = waiting(refused)
        assert isinstance(event, SegmentFailed)
        assert event.cause is Cause.SEGMENT
        assert "a worker died" in event.message
    bench.now = REFUSED_FOR_S
    assert not bench.table.submit(segment("deadly", steps=99)).ended


def test_one_who_sends_a_deadly_request_and_leaves_is_remembered(bench: Bench) -> None:
    culprit = bench.table.submit(segment("deadly"))
    bench.table.take(ChunkStarted(culprit.job.job_id))
    culprit.abandon()
    assert bench.table.process_died(Death.BY_ITSELF)
    assert waiting(culprit) == [SegmentCancelled(culprit.job.job_id, 0)]
    assert bench.table.submit(segment("deadly")).ended


def test_a_death_between_chunks_is_nobodys_fault(bench: Bench) -> None:
    handle = bench.table.submit(segment())
    bench.table.take(ChunkStarted(handle.job.job_id))
    bench.table.take(frames(handle, 0))
    assert not bench.table.process_died(Death.BY_ITSELF)
    assert not handle.ended


def test_slots_that_a_reader_holds_are_not_given_to_the_next_process(bench: Bench) -> None:
    handle = bench.table.submit(segment())
    bench.table.take(frames(handle, 1, 3))
    bench.table.process_died(Death.FROM_OUTSIDE)
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
    bench.table.process_died(Death.FROM_OUTSIDE)
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
    assert waiting(handle)[-1] == SegmentFailed(handle.job.job_id, "no GPU", Cause.NO_WORKER)
    bench.commands.clear()
    handle.release([1])
    assert bench.commands == []
