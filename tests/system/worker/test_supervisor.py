from __future__ import annotations

import asyncio
import fcntl
import multiprocessing
import os
import resource
import signal
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from matinee.errors import WorkerFailed
from matinee.worker.messages import (
    Cause,
    FramesReady,
    SegmentCancelled,
    SegmentDone,
    SegmentFailed,
    StepDone,
)
from matinee.worker.supervisor import WorkerState, WorkerSupervisor, with_threads
from matinee_api.config.runtime_config import EngineConfig, GeneratorConfig
from tests.places import ROOT
from tests.system.end_to_end.serving import shared_memory_of
from tests.system.worker.conftest import StartWorker
from tests.unit.runtime.worker.fake_engine import PART_S
from tests.unit.runtime.worker.making import alone, segment, watch
from tests.unit.runtime.worker.stepping import Gate


async def state_reached(worker: WorkerSupervisor, state: WorkerState) -> None:
    while worker.state is not state:
        worker._changed.clear()
        await worker._changed.wait()


async def commands_in_pipe(worker: WorkerSupervisor) -> None:
    """Waits for the writing thread; the worker stands at a gate and reads nothing."""
    assert worker._link is not None
    fd = worker._link._end.fileno()
    # Polled, because a pipe tells nobody that it was written.
    while struct.unpack("i", fcntl.ioctl(fd, termios.TIOCOUTQ, b"0000")) == (0,):  # noqa: ASYNC110
        await asyncio.sleep(0)


def pid_of(worker: WorkerSupervisor) -> int:
    assert worker.pid is not None
    return worker.pid


async def test_a_segment_arrives_whole_and_the_next_goes_on_from_its_state(
    start_worker: StartWorker,
) -> None:
    worker = await start_worker()
    job = segment(frames=49)
    pixels, events = await watch(worker.submit(job))
    assert pixels == alone(job)

    assert isinstance(events[-1], SegmentDone)
    following = segment(frames=33, state=events[-1].state)
    pixels, _ = await watch(worker.submit(following))
    assert pixels == alone(following)


async def test_four_sessions_at_once_make_what_they_make_alone(start_worker: StartWorker) -> None:
    worker = await start_worker()
    jobs = [segment(session=name, seed=seed, frames=65) for seed, name in enumerate("abcd")]
    watched = await asyncio.gather(*(watch(worker.submit(job)) for job in jobs))
    assert [pixels for pixels, _ in watched] == [alone(job) for job in jobs]
    assert worker.counters.frames == 4 * 65
    assert worker.counters.compute_s > 0


async def test_readiness_tells_what_loading_and_warming_up_took(start_worker: StartWorker) -> None:
    worker = await start_worker(warmup=True)
    assert set(worker.timings_ms) == {"load", "warmup_first_frame", "warmup_total"}
    assert worker.info is not None
    assert worker.info.model_id == "fake"


async def test_a_cancel_during_a_step_is_confirmed_at_its_end(
    start_worker: StartWorker, gate: Gate
) -> None:
    worker = await start_worker()
    handle = worker.submit(segment(gate.order, steps=50))
    await gate.arrival()
    gate.go()
    await gate.arrival()
    handle.cancel()
    await commands_in_pipe(worker)
    gate.go()
    assert await watch(handle) == (b"", [SegmentCancelled(handle.job.job_id, steps_done=2)])


async def test_a_thousand_cancelled_jobs_leave_all_slots_free(start_worker: StartWorker) -> None:
    worker = await start_worker()
    for number in range(1000):
        handle = worker.submit(segment(session=f"{number % 3}", frames=33, steps=2))
        for _ in range(number % 5):
            event = await anext(handle)
            if isinstance(event, FramesReady):
                handle.release(event.slots)
        handle.cancel()
        await watch(handle)
    assert len(worker._table.free_slots()) == worker._ring.slots
    job = segment(frames=33)
    assert (await watch(worker.submit(job)))[0] == alone(job)


async def test_a_worker_killed_in_mid_segment_leaves_no_trace_in_the_video(
    start_worker: StartWorker, gate: Gate
) -> None:
    worker = await start_worker()
    job, other = segment(gate.order, session="a", frames=49), segment(session="b", frames=49)
    watched = asyncio.gather(watch(worker.submit(job)), watch(worker.submit(other)))
    for _ in range(6):  # the first chunk has 4 steps: its frames are out
        await gate.arrival()
        gate.go()
    await gate.arrival()
    os.kill(pid_of(worker), signal.SIGKILL)
    gate.go(100)
    (pixels, _), (other_pixels, _) = await watched
    assert pixels == alone(job)
    assert other_pixels == alone(other)
    assert worker.counters.restarts == 1
    assert worker.reason == "the worker process was killed by SIGKILL"


async def test_pictures_a_reader_holds_outlive_the_worker(
    start_worker: StartWorker, gate: Gate
) -> None:
    worker = await start_worker()
    job = segment(gate.order, frames=33)
    handle = worker.submit(job)
    gate.go(4)
    while not isinstance(event := await anext(handle), FramesReady):
        pass
    pictures = handle.pictures(event)
    os.kill(pid_of(worker), signal.SIGKILL)
    gate.go(100)
    rest, _ = await watch(handle)
    assert b"".join(picture.tobytes() for picture in pictures) + rest == alone(job)
    handle.release(event.slots)


async def test_a_job_that_kills_two_workers_fails_and_the_others_do_not(
    start_worker: StartWorker, tmp_path: Path
) -> None:
    worker = await start_worker()
    poison = worker.submit(segment(f"kill@6={tmp_path / 'tally'} times=9", session="a", frames=65))
    job = segment(session="b", frames=129)
    harmless = worker.submit(job)
    (_, events), (pixels, _) = await asyncio.gather(watch(poison), watch(harmless))
    assert isinstance(events[-1], SegmentFailed)
    assert events[-1].cause is Cause.DEADLY
    assert pixels == alone(job)
    assert (tmp_path / "tally").read_bytes() == b".."


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        ("hang", "the worker gave no sign of life for 0.4 s"),
        ("crash", "the worker process ended by itself with exit code 3"),
    ],
)
async def test_a_job_that_hangs_or_crashes_one_worker_is_given_to_no_other(
    start_worker: StartWorker, tmp_path: Path, end: str, reason: str
) -> None:
    worker = await start_worker(warmup=True, hang_timeout_seconds=0.4)
    tally = tmp_path / "tally"
    job = segment(session="b", frames=129)
    poison = worker.submit(segment(f"{end}@2={tally} times=9", session="a"))
    (_, events), (pixels, _) = await asyncio.gather(watch(poison), watch(worker.submit(job)))
    assert isinstance(events[-1], SegmentFailed)
    assert events[-1].cause is Cause.DEADLY
    assert worker.reason == reason
    assert pixels == alone(job)
    await watch(worker.submit(segment(f"{end}@2={tally} times=9", session="c", seed=2)))
    assert tally.read_bytes() == b"."


async def test_a_strangers_requests_never_make_a_worker_fail(
    start_worker: StartWorker, tmp_path: Path
) -> None:
    worker = await start_worker(max_restarts=0)
    for number in range(2):
        order = f"crash@1={tmp_path / 'tally'} times=9 number={number}"
        await watch(worker.submit(segment(order, steps=9 - number)))
        await worker.ready()
    assert (tmp_path / "tally").read_bytes() == b".."
    job = segment()
    assert (await watch(worker.submit(job)))[0] == alone(job)


async def test_a_long_step_that_gets_on_is_left_alone(start_worker: StartWorker) -> None:
    """It takes longer than a worker may be silent, and so each of its parts may not."""
    worker = await start_worker(hang_timeout_seconds=1.5)
    job = segment(f"long@2={round(2.0 / PART_S)}")
    assert (await watch(worker.submit(job)))[0] == alone(job)
    assert worker.counters.restarts == 0


async def test_an_idle_worker_that_hangs_is_replaced(start_worker: StartWorker) -> None:
    worker = await start_worker(hang_timeout_seconds=0.4)
    os.kill(pid_of(worker), signal.SIGSTOP)
    await state_reached(worker, WorkerState.RESTARTING)
    await worker.ready()


async def test_ctrl_c_is_for_the_parent_to_decide(start_worker: StartWorker) -> None:
    worker = await start_worker()
    before = pid_of(worker)
    os.kill(before, signal.SIGINT)
    await watch(worker.submit(segment()))
    assert worker.pid == before


async def test_missing_weights_fail_the_worker_without_a_second_try(
    start_worker: StartWorker,
) -> None:
    worker = await start_worker("missing", ready=False)
    waiting = worker.submit(segment())
    with pytest.raises(WorkerFailed, match="no weights in missing"):
        await worker.ready()
    assert worker.state is WorkerState.FAILED
    assert worker.counters.restarts == 0
    assert isinstance((await watch(waiting))[1][-1], SegmentFailed)
    with pytest.raises(WorkerFailed, match="no weights"):
        worker.submit(segment())


async def test_a_worker_that_never_loads_is_given_up_after_its_restarts(
    start_worker: StartWorker,
) -> None:
    worker = await start_worker("flaky", ready=False, max_restarts=1)
    with pytest.raises(WorkerFailed, match="it failed 2 times within 10 minutes"):
        await worker.ready()
    assert worker.counters.restarts == 1


async def test_a_worker_that_failed_is_tried_again(
    start_worker: StartWorker, tmp_path: Path
) -> None:
    worker = await start_worker(f"late={tmp_path}", ready=False, failed_retry_s=0.1)
    with pytest.raises(WorkerFailed, match="no weights"):
        await worker.ready()
    (tmp_path / "weights").touch()
    await state_reached(worker, WorkerState.READY)
    job = segment()
    assert (await watch(worker.submit(job)))[0] == alone(job)


async def test_stopping_leaves_no_process_and_ends_the_jobs(
    start_worker: StartWorker, tmp_path: Path
) -> None:
    worker = await start_worker()
    process = psutil.Process(pid_of(worker))
    handle = worker.submit(segment(f"hang@3={tmp_path / 'tally'}"))
    while not isinstance(event := await anext(handle), StepDone) or event.step < 2:
        pass
    await worker.stop(timeout_s=0.2)
    assert not process.is_running()
    assert isinstance((await watch(handle))[1][-1], SegmentFailed)
    assert worker.state is WorkerState.STOPPED
    with pytest.raises(WorkerFailed):
        worker.submit(segment())


async def test_stopping_while_it_starts_does_not_wait_for_the_model(
    start_worker: StartWorker,
) -> None:
    worker = await start_worker(ready=False)
    await asyncio.wait_for(worker.stop(timeout_s=60), timeout=30)
    assert worker.pid is None


@pytest.mark.parametrize("occupation", ["idle", "busy"])
def test_the_worker_dies_with_its_parent(tmp_path: Path, occupation: str) -> None:
    parent = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "tests.unit.runtime.worker.parent_program",
            tmp_path / "tally",
            occupation,
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
    )
    with parent:
        assert parent.stdout is not None
        worker = psutil.Process(int(parent.stdout.readline()))
        descendants = psutil.Process(parent.pid).children(recursive=True)
        assert worker in descendants
        blocks = shared_memory_of(descendants)
        parent.kill()
    _, alive = psutil.wait_procs(descendants, timeout=60)
    assert alive == []
    assert [block for block in blocks if block.exists()] == []


def test_the_api_side_needs_no_torch() -> None:
    code = "import matinee.worker.pool, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_configured_threads_are_kept_and_missing_ones_filled_in() -> None:
    unset = GeneratorConfig(model_path="fake")
    fixed = GeneratorConfig(model_path="fake", engine=EngineConfig(cpu_threads=3))
    assert with_threads(unset, 2).engine.cpu_threads == 2
    assert with_threads(fixed, 2) == fixed


@contextmanager
def descriptors_left(count: int) -> Iterator[None]:
    """This process can open so many files, and no more."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest_free = os.dup(0)
    os.close(lowest_free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free + count, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


@pytest.mark.parametrize("room", range(6))
async def test_a_worker_that_dies_while_descriptors_are_out_comes_back_with_them(
    start_worker: StartWorker, room: int
) -> None:
    """Whatever it is that finds none: a pipe of ours, of multiprocessing, or the process."""
    worker = await start_worker(max_restarts=1)
    job = segment(frames=25)
    with descriptors_left(room):
        os.kill(pid_of(worker), signal.SIGKILL)
        while "could not be started" not in (worker.reason or ""):
            worker._changed.clear()
            await worker._changed.wait()
        assert worker.state is WorkerState.RESTARTING
        handle = worker.submit(job)
    pixels, events = await watch(handle)
    assert isinstance(events[-1], SegmentDone)
    assert pixels == alone(job)
    assert worker.counters.restarts == 1


@pytest.mark.parametrize("room", range(2))
async def test_a_worker_is_started_once_there_are_descriptors_for_its_frames(
    start_worker: StartWorker, room: int
) -> None:
    with descriptors_left(room):
        worker = await start_worker(ready=False)
        await state_reached(worker, WorkerState.RESTARTING)
        assert worker.reason == "the worker process could not be started: Too many open files"
    pixels, _ = await watch(worker.submit(job := segment(frames=9)))
    assert pixels == alone(job)
    assert worker.counters.restarts == 0


async def test_a_process_that_python_refuses_to_start_is_tried_again(
    start_worker: StartWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a script without `if __name__ == "__main__"`, which its child would run once more."""
    with monkeypatch.context() as within:
        within.setattr(multiprocessing.current_process(), "_inheriting", True, raising=False)
        worker = await start_worker(ready=False)
        await state_reached(worker, WorkerState.RESTARTING)
        assert worker.reason == "the worker process could not be started"
    await worker.ready()


async def test_a_worker_without_a_thread_is_tried_again(
    start_worker: StartWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = await start_worker()
    begin = threading.Thread.start
    refused = iter([1])

    def start(thread: threading.Thread) -> None:
        if "_own_process" in thread.name and next(refused, None):
            raise RuntimeError("can't start new thread")
        begin(thread)

    monkeypatch.setattr(threading.Thread, "start", start)
    os.kill(pid_of(worker), signal.SIGKILL)
    await state_reached(worker, WorkerState.RESTARTING)
    await state_reached(worker, WorkerState.READY)
    assert next(refused, None) is None
