from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from matinee_operator.objects import Key
from matinee_operator.watch.workqueue import Handle, WorkQueue

A, B = Key("VideoModel", "demo", "a"), Key("VideoModel", "demo", "b")


@asynccontextmanager
async def working(queue: WorkQueue, handle: Handle, workers: int = 2) -> AsyncIterator[None]:
    task = asyncio.create_task(queue.run(workers, handle))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class Recorder:
    """Notes every key and what it was told to answer; `seen` waits for a number of them."""

    def __init__(self, answer: Callable[[Key], float | None] = lambda _key: None) -> None:
        self.keys: list[Key] = []
        self._answer = answer
        self._news = asyncio.Condition()

    async def __call__(self, key: Key) -> float | None:
        async with self._news:
            self.keys.append(key)
            self._news.notify_all()
        return self._answer(key)

    async def seen(self, count: int) -> list[Key]:
        async with self._news:
            await self._news.wait_for(lambda: len(self.keys) >= count)
        return self.keys


async def test_a_key_that_is_added_twice_comes_once() -> None:
    queue, recorder = WorkQueue(), Recorder()
    for key in (A, A, B):
        queue.add(key)
    async with working(queue, recorder):
        assert sorted(await recorder.seen(2)) == [A, B]
    assert queue.depth == 0


async def test_one_key_is_with_one_worker_and_comes_again_when_it_changed_meanwhile() -> None:
    queue, entered, leave = WorkQueue(), asyncio.Event(), asyncio.Event()
    visits: list[str] = []
    twice = asyncio.Event()

    async def handle(_key: Key) -> None:
        visits.append("in")
        entered.set()
        await leave.wait()
        visits.append("out")
        if len(visits) == 4:
            twice.set()

    queue.add(A)
    async with working(queue, handle):
        await entered.wait()
        queue.add(A)
        queue.add(A)
        leave.set()
        await twice.wait()
    assert visits == ["in", "out", "in", "out"]


async def test_other_keys_go_on_while_one_is_worked_on() -> None:
    queue, leave = WorkQueue(), asyncio.Event()
    recorder = Recorder()

    async def handle(key: Key) -> None:
        await recorder(key)
        if key == A:
            await leave.wait()

    queue.add(A)
    async with working(queue, handle):
        await recorder.seen(1)
        queue.add(A)
        queue.add(B)
        assert await recorder.seen(2) == [A, B]


async def test_others_have_their_turn_between_looks_that_wait_for_nothing() -> None:
    """A thousand such looks in a row would keep the Lease from being renewed."""
    queue, looks, turns = WorkQueue(), list[Key](), list[int]()

    async def handle(key: Key) -> None:
        looks.append(key)

    for number in range(100):
        queue.add(Key("StreamingService", "demo", f"live-{number}"))
    async with working(queue, handle, workers=8):
        while len(looks) < 100:
            await asyncio.sleep(0)
            turns.append(len(looks))
    assert len(turns) > 10


async def test_a_failed_key_comes_back_and_the_pause_doubles() -> None:
    queue = WorkQueue(jitter=lambda: 1.0)
    pauses = [queue._backoff_s(A) for _ in range(4)]
    assert pauses == [0.2, 0.4, 0.8, 1.6]
    assert [queue._backoff_s(A) for _ in range(20)][-1] == 60.0
    assert queue._backoff_s(B) == 0.2


async def test_an_error_of_one_object_stops_neither_it_nor_the_others() -> None:
    def answer(key: Key) -> float | None:
        if key == A and recorder.keys.count(A) == 1:
            raise RuntimeError("once")
        return None

    queue, recorder = WorkQueue(jitter=lambda: -1.0), Recorder(answer)  # no pause at all
    queue.add(A)
    queue.add(B)
    async with working(queue, recorder, workers=1):
        assert await recorder.seen(3) == [A, B, A]


async def test_a_key_comes_again_when_it_asked_to() -> None:
    queue = WorkQueue()
    recorder = Recorder(lambda _key: 0.001 if len(recorder.keys) < 2 else None)
    queue.add(A)
    async with working(queue, recorder):
        assert await recorder.seen(2) == [A, A]


async def test_an_earlier_time_wins() -> None:
    queue, recorder = WorkQueue(), Recorder()
    queue.add(A, 3600.0)
    queue.add(A)
    queue.add(B)
    queue.add(B, 3600.0)
    async with working(queue, recorder):
        assert sorted(await recorder.seen(2)) == [A, B]
    assert queue.depth == 0


async def test_a_key_that_nobody_takes_grows_old() -> None:
    queue = WorkQueue()
    assert queue.oldest_s() == 0.0
    queue._runs_since = queue._now() - 100.0
    queue.add(A, -90.0)
    queue.add(B, 3600.0)
    assert 90.0 <= queue.oldest_s() < 91.0


async def test_keys_that_a_standby_collects_grow_old_only_when_it_leads() -> None:
    queue, entered = WorkQueue(), asyncio.Event()
    queue.add(A, -400.0)
    queue.add(B, -400.0)
    assert queue.oldest_s() == 0.0

    async def handle(_key: Key) -> None:
        entered.set()
        await asyncio.Event().wait()

    async with working(queue, handle, workers=1):
        await entered.wait()
        assert queue.depth == 2
        assert queue.oldest_s() < 300.0
