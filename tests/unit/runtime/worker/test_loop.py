from __future__ import annotations

import itertools
import socket
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from matinee.generation import samples_before, samples_of
from matinee.worker.loop import DeviceLost, WorkerLeaves, WorkerLoop, failure_message
from matinee.worker.messages import (
    Cancel,
    Cause,
    ChunkStarted,
    Command,
    Event,
    FramesReady,
    Generate,
    Ping,
    Pong,
    PromptsRead,
    ReadPrompts,
    ReleaseSlots,
    SegmentCancelled,
    SegmentDone,
    SegmentFailed,
    SegmentJob,
    Shutdown,
    StepDone,
)
from matinee.worker.pipe import Reader, Writer
from matinee.worker.ring import FrameRing, FreeSlots
from tests.unit.runtime.worker import fake_engine
from tests.unit.runtime.worker.making import alone, segment


class Bench:
    """A loop in this process: commands are put into its pipe, turns are taken one by one."""

    def __init__(self, slots: int = 64, clock: Callable[[], float] = time.perf_counter) -> None:
        self.ring = FrameRing.create(slots)
        self.free = FreeSlots(range(slots))
        self.at_step: Callable[[str, int], None] = fake_engine._obey
        self.pixels: dict[int, bytes] = {}
        self.end, self._loops_end = socket.socketpair()
        self._commands, self._events = Writer[Command](self.end), Reader[Event](self.end)
        self.loop = WorkerLoop(
            fake_engine.FakeEngine(lambda prompt, step: self.at_step(prompt, step)),
            fake_engine,
            self.ring,
            self.free,
            Reader(self._loops_end),
            Writer(self._loops_end),
            clock=clock,
        )

    def send(self, *commands: Command) -> None:
        for command in commands:
            self._commands.send(command)

    def start(self, *jobs: SegmentJob) -> None:
        """Commands are read after a turn, so the first turn of a new loop reads these."""
        self.send(*map(Generate, jobs))
        self.loop.turn()

    def events(self) -> list[Event]:
        """What has come since the last call."""
        events: list[Event] = []
        while self._events.poll():
            events.append(self._events.receive())
        return events

    def finish(self, jobs: int) -> list[Event]:
        """Turns until that many jobs have ended, with a reader that releases slots at once."""
        seen: list[Event] = []
        while jobs:
            self.loop.turn()
            for event in self.events():
                seen.append(event)
                jobs -= isinstance(event, SegmentDone | SegmentCancelled | SegmentFailed)
                if isinstance(event, FramesReady):
                    self._read(event)
        return seen

    def _read(self, event: FramesReady) -> None:
        for slot in event.slots:
            picture = self.ring.picture(slot, event.width, event.height)
            self.pixels[event.job_id] = self.pixels.get(event.job_id, b"") + picture.tobytes()
        self.send(ReleaseSlots(event.slots))

    def close(self) -> None:
        self.end.close()
        self._loops_end.close()
        self.ring.close()


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.close()


@pytest.fixture
def small_ring() -> Iterator[Bench]:
    bench = Bench(slots=8)
    yield bench
    bench.close()


def cancelling(bench: Bench, job: SegmentJob, at: int) -> Callable[[str, int], None]:
    return lambda _prompt, step: bench.send(Cancel(job.job_id)) if step == at else None


def kinds(events: list[Event], job: SegmentJob) -> list[type]:
    return [type(event) for event in events if getattr(event, "job_id", None) == job.job_id]


def test_a_chunk_reports_its_steps_then_its_frames_and_the_segment_its_end(bench: Bench) -> None:
    job = segment(frames=9, steps=2)
    bench.start(job)
    events = bench.finish(1)
    expected = [ChunkStarted, StepDone, StepDone, FramesReady, FramesReady, SegmentDone]
    assert kinds(events, job) == expected
    assert bench.pixels[job.job_id] == alone(job)


def test_parts_of_a_chunk_follow_each_other_before_anybody_else_has_a_turn(bench: Bench) -> None:
    parts, other = segment(prompt="parts=3", session="a"), segment(session="b")
    bench.start(parts, other)
    events = bench.finish(2)
    order = [event.job_id for event in events if isinstance(event, ChunkStarted)]
    assert order[:3] == [parts.job_id] * 3
    assert kinds(events, parts).count(StepDone) == kinds(events, other).count(StepDone)
    assert bench.pixels[parts.job_id] == alone(parts)


def test_others_have_a_turn_while_parts_wait_for_slots(small_ring: Bench) -> None:
    parts, other = segment(prompt="parts=3", session="a"), segment(session="b", frames=9)
    small_ring.start(parts, other)
    events = small_ring.finish(2)
    assert small_ring.pixels[parts.job_id] == alone(parts)
    assert small_ring.pixels[other.job_id] == alone(other)
    assert kinds(events, other)[-1] is SegmentDone


def test_a_segment_s_first_frame_is_handed_over_alone(bench: Bench) -> None:
    bench.start(segment(frames=17))
    ready = [event for event in bench.finish(1) if isinstance(event, FramesReady)]
    assert [len(event.slots) for event in ready if event.first_frame < 9] == [1, 8]


def test_frames_are_numbered_within_the_segment(bench: Bench) -> None:
    bench.start(segment(frames=25))
    ready = [event for event in bench.finish(1) if isinstance(event, FramesReady)]
    covered = [event.first_frame + k for event in ready for k in range(len(event.slots))]
    assert covered == list(range(25))


def test_frames_carry_their_own_sound_however_they_are_handed_over(small_ring: Bench) -> None:
    small_ring.loop._engine = fake_engine.SingingEngine()
    job = segment(frames=25)
    small_ring.start(job)
    handed = [event for event in small_ring.finish(1) if isinstance(event, FramesReady)]
    assert len(handed) > 4
    for event in handed:
        start = samples_before(event.first_frame, 44_100, 24)
        length = samples_of(event.first_frame, len(event.slots), 44_100, 24)
        assert event.audio is not None
        places = event.audio.samples[:, 0]
        assert np.array_equal(places, np.arange(start, start + length))


def test_elapsed_time_leaves_out_other_sessions() -> None:
    """Each step takes one tick of this clock, and so does each look at it in between."""
    ticks = iter(range(10**6))
    bench = Bench()
    bench.loop._clock = lambda: float(next(ticks))
    jobs = [segment(session="a", frames=33, steps=2), segment(session="b", frames=33, steps=2)]
    bench.start(*jobs)
    events = bench.finish(2)
    for job in jobs:
        elapsed = [
            e.elapsed_ms for e in events if isinstance(e, StepDone) and e.job_id == job.job_id
        ]
        # Two looks at the clock per step and one more at the end of each chunk.
        assert elapsed == [1000.0, 2000.0, 4000.0, 5000.0, 7000.0, 8000.0]
    bench.close()


def test_four_interleaved_sessions_make_what_they_make_alone(bench: Bench) -> None:
    jobs = [segment(session=name, seed=seed, frames=65) for seed, name in enumerate("abcd")]
    bench.start(*jobs)
    events = bench.finish(4)
    chunks = [event.job_id for event in events if isinstance(event, ChunkStarted)]
    assert len(set(chunks[:4])) == 4
    assert [bench.pixels[job.job_id] for job in jobs] == [alone(job) for job in jobs]


def test_a_cancel_during_a_step_takes_effect_at_its_end(bench: Bench) -> None:
    job = segment(steps=8)
    bench.at_step = cancelling(bench, job, at=3)
    bench.start(job)
    events = bench.finish(1)
    assert kinds(events, job) == [ChunkStarted, *[StepDone] * 3, SegmentCancelled]
    assert events[-1] == SegmentCancelled(job.job_id, steps_done=3)


def test_a_cancel_leaves_the_state_of_the_chunks_that_were_shown(bench: Bench) -> None:
    job = segment(steps=4, frames=25)
    bench.at_step = cancelling(bench, job, at=6)
    bench.start(job)
    (cancelled,) = [e for e in bench.finish(1) if isinstance(e, SegmentCancelled)]
    assert cancelled.steps_done == 6
    assert cancelled.state is not None
    assert cancelled.state.facts["segment_index"] == 1


def test_a_cancel_in_the_first_chunk_leaves_no_state(bench: Bench) -> None:
    job = segment(steps=4, frames=25)
    bench.at_step = cancelling(bench, job, at=3)
    bench.start(job)
    (cancelled,) = [e for e in bench.finish(1) if isinstance(e, SegmentCancelled)]
    assert cancelled.state is None


def test_a_cancel_comes_true_when_what_was_shown_before_is_made_again(bench: Bench) -> None:
    """By a process that died: 20 of these frames, which end within the second chunk."""
    job = segment(steps=4, frames=33)
    bench.send(Generate(job), Cancel(job.job_id, shown_frames=20))
    bench.loop.turn()
    events = bench.finish(1)
    shown = sum(len(event.slots) for event in events if isinstance(event, FramesReady))
    (cancelled,) = [event for event in events if isinstance(event, SegmentCancelled)]
    assert shown == 25
    assert cancelled.steps_done == 8
    assert cancelled.state is not None
    assert bench.pixels[job.job_id] == alone(job)[: len(bench.pixels[job.job_id])]


def test_of_two_cancels_the_last_one_counts(bench: Bench) -> None:
    """The viewer left meanwhile."""
    job = segment(steps=4, frames=33)
    bench.at_step = cancelling(bench, job, at=2)
    bench.send(Generate(job), Cancel(job.job_id, shown_frames=20))
    bench.loop.turn()
    events = bench.finish(1)
    assert events[-1] == SegmentCancelled(job.job_id, steps_done=2)


def test_a_waiting_job_is_cancelled_in_the_midst_of_anothers_step(bench: Bench) -> None:
    running, waiting = segment(session="a"), segment(session="b")
    bench.at_step = cancelling(bench, waiting, at=2)
    bench.start(running, waiting)
    events = bench.finish(2)
    assert kinds(events, waiting) == [SegmentCancelled]
    assert bench.pixels[running.job_id] == alone(running)


def test_a_cancel_of_an_unknown_job_is_ignored(bench: Bench) -> None:
    bench.send(Cancel(0))
    job = segment()
    bench.start(job)
    bench.finish(1)
    assert bench.pixels[job.job_id] == alone(job)


@pytest.mark.parametrize(
    ("prompt", "message", "param"),
    [
        ("raise@2=ValueError", "the model failed on this segment (ValueError)", None),
        ("raise@2=MemoryError", "not enough memory", None),
        ("raise@2=OutOfMemoryError", "not enough memory", None),
        ("refused", "prompt is refused", "prompt"),
    ],
)
def test_a_job_that_raises_fails_alone(
    bench: Bench, prompt: str, message: str, param: str | None
) -> None:
    bad, good = segment(prompt, session="bad"), segment(session="good")
    bench.start(bad, good)
    events = bench.finish(2)
    (failure,) = [event for event in events if isinstance(event, SegmentFailed)]
    assert failure.job_id == bad.job_id
    assert message in failure.message
    assert "internal" not in failure.message
    cause = Cause.SEGMENT if param is None else Cause.REQUEST
    assert (failure.cause, failure.param) == (cause, param)
    assert bench.pixels[good.job_id] == alone(good)


def test_an_engine_may_say_that_it_can_make_no_more_for_this_session(bench: Bench) -> None:
    job = segment("raise@2=WorkerFailed")
    bench.start(job)
    failure = bench.finish(1)[-1]
    assert isinstance(failure, SegmentFailed)
    assert failure.cause is Cause.NO_WORKER


def test_an_error_in_the_colour_conversion_fails_the_job_too(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_frames: object, _out: object) -> None:
        raise ValueError("no colours today")

    monkeypatch.setattr(fake_engine, "rgb_to_i420", broken)
    job = segment()
    bench.start(job)
    assert kinds(bench.finish(1), job)[-1] is SegmentFailed


def test_parts_of_a_long_step_are_signs_of_life_but_not_each_of_them() -> None:
    milliseconds = itertools.count()
    bench = Bench(clock=lambda: next(milliseconds) / 1000)

    def take_long(_prompt: str, _step: int) -> None:
        for _ in range(1000):
            bench.loop.part_done()

    bench.at_step = take_long
    bench.send(Generate(segment(steps=2)))
    bench.loop.turn()
    bench.loop.turn()
    assert 15 <= bench.events().count(Pong()) <= 20
    bench.close()


def test_a_lost_device_ends_the_process(bench: Bench) -> None:
    bench.start(segment("raise@1=AcceleratorError"))
    with pytest.raises(DeviceLost):
        bench.loop.turn()


def test_a_session_whose_frames_nobody_fetches_waits_while_the_others_go_on(
    small_ring: Bench,
) -> None:
    stuck, lively = segment(session="stuck", frames=33), segment(session="lively", frames=65)
    small_ring.start(stuck)
    small_ring.loop.turn()
    held = [
        slot
        for event in small_ring.events()
        if isinstance(event, FramesReady)
        for slot in event.slots
    ]
    assert len(held) == 4

    small_ring.send(Generate(lively))
    small_ring.loop._read_commands()
    small_ring.finish(1)
    assert small_ring.pixels[lively.job_id] == alone(lively)

    small_ring.send(ReleaseSlots(tuple(held)))
    small_ring.finish(1)
    assert alone(stuck).endswith(small_ring.pixels[stuck.job_id])


def test_a_full_ring_still_answers_pings(small_ring: Bench) -> None:
    small_ring.start(segment(frames=33))
    small_ring.loop.turn()
    small_ring.events()
    small_ring.send(Ping())
    small_ring.loop.turn()
    assert small_ring.events() == [Pong()]


def test_a_cancel_while_frames_wait_for_slots_ends_after_the_chunk(small_ring: Bench) -> None:
    """What is shown then is what the state goes on from; no further step is made."""
    job = segment(frames=33)
    small_ring.start(job)
    small_ring.loop.turn()
    held = [s for e in small_ring.events() if isinstance(e, FramesReady) for s in e.slots]
    small_ring.send(Cancel(job.job_id), ReleaseSlots(tuple(held)))
    *frames, end = small_ring.finish(1)
    assert [type(event) for event in frames] == [FramesReady] * len(frames)
    shown = len(held) + sum(len(e.slots) for e in frames if isinstance(e, FramesReady))
    assert shown == fake_engine.INFO.chunk_frames
    assert isinstance(end, SegmentCancelled)
    assert end.steps_done == 4
    assert end.state is not None


def test_a_ping_is_answered_within_a_step(bench: Bench) -> None:
    job = segment(steps=3)
    bench.at_step = lambda _prompt, step: bench.send(Ping()) if step == 2 else None
    bench.start(job)
    events = [type(event) for event in bench.finish(1)]
    assert events[:5] == [ChunkStarted, StepDone, StepDone, Pong, StepDone]


def test_how_prompts_are_read_is_told_within_a_step(bench: Bench) -> None:
    question = ReadPrompts(7, ("a ball", ""))
    bench.at_step = lambda _prompt, step: bench.send(question) if step == 2 else None
    bench.start(segment(steps=3))
    assert bench.finish(1)[3] == PromptsRead(7, (6, 0))


def test_shutdown_leaves_at_the_next_step(bench: Bench) -> None:
    bench.at_step = lambda _prompt, _step: bench.send(Shutdown())
    bench.send(Generate(segment()))
    bench.loop.run()
    assert [type(event) for event in bench.events()] == [ChunkStarted, StepDone]


def test_the_end_of_the_command_pipe_leaves_at_the_next_step(bench: Bench) -> None:
    bench.at_step = lambda _prompt, _step: bench.end.shutdown(socket.SHUT_WR)
    bench.send(Generate(segment()))
    bench.loop.run()
    assert [type(event) for event in bench.events()] == [ChunkStarted, StepDone]


def test_no_engine_can_swallow_the_order_to_leave() -> None:
    assert not issubclass(WorkerLeaves, Exception)


def test_all_slots_are_free_again_after_hundreds_of_cancelled_jobs(bench: Bench) -> None:
    """Cancelled before the first step, within the steps, or with frames on their way."""
    for number in range(300):
        job = segment(session=f"{number % 3}", frames=33, steps=3)
        bench.at_step = cancelling(bench, job, number % 8)
        bench.start(job)
        bench.finish(1)
        bench.send(Ping())
        bench.loop.turn()
        bench.events()
    assert len(bench.free) == 64


def test_messages_of_foreign_errors_hold_no_internals() -> None:
    assert "secret" not in failure_message(RuntimeError("secret"))
