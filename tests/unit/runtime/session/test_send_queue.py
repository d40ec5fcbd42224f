from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable

import hypothesis.strategies as st
from hypothesis import given, settings

from matinee.session.send_queue import SendQueue
from matinee.wire import server_messages as say
from tests.unit.runtime.session.making import fragment_of


class Reader:
    """A queue of 1,000 bytes, and what it asked for."""

    def __init__(self, max_bytes: int = 1000, max_messages: int = 4096) -> None:
        self.keyframes_asked = 0
        self.gone = 0
        self.queue = SendQueue(max_bytes, self._ask, self._leave, max_messages)

    def _ask(self) -> None:
        self.keyframes_asked += 1

    def _leave(self) -> None:
        self.gone += 1

    def put(self, *sizes: int, keyframe: bool = False) -> list[bool]:
        return [self.queue.put_video(fragment_of(size, keyframe=keyframe)) for size in sizes]

    async def next(self) -> str | int | None:
        """A message's type, a fragment's size, or None at the end."""
        frame = await self.queue.get()
        if isinstance(frame, str):
            return str(json.loads(frame)["type"])
        return None if frame is None else len(frame)

    async def rest(self) -> list[str | int]:
        self.queue.close()
        taken = []
        while (one := await self.next()) is not None:
            taken.append(one)
        return taken


async def test_frames_leave_in_the_order_in_which_they_came() -> None:
    reader = Reader()
    reader.queue.put(say.StreamComplete("error"))
    reader.queue.put(b"init")
    reader.put(100)
    assert await reader.rest() == ["ltx2_stream_complete", 4, 100]


async def test_the_reader_waits_for_the_next_frame() -> None:
    reader = Reader()
    reading = asyncio.create_task(reader.next())
    await asyncio.sleep(0)
    assert not reading.done()
    reader.put(7)
    assert await reading == 7


async def test_video_that_does_not_fit_is_skipped_up_to_the_next_keyframe() -> None:
    reader = Reader()
    assert reader.put(600, 400, 1) == [True, True, False]
    assert await reader.next() == 600
    assert reader.put(10) == [False]
    assert reader.put(10, keyframe=True) == [True]
    assert reader.put(10) == [True]
    assert await reader.rest() == [400, "viewer_lagging", 10, 10]
    assert reader.queue.skipped_ms_total == 80.0


async def test_lagging_is_told_once_with_the_sum() -> None:
    reader = Reader()
    reader.put(1000, 1, 1, 1)
    await reader.queue.get()
    reader.put(1, keyframe=True)
    assert json.loads(str(await reader.queue.get())) == {
        "type": "viewer_lagging",
        "skipped_ms": 120.0,
    }


async def test_lagging_is_told_though_the_session_ends_before_video_goes_on() -> None:
    reader = Reader()
    reader.put(1000, 1)
    reader.queue.close(say.StreamComplete("timeout"))
    assert await reader.rest() == [1000, "viewer_lagging", "ltx2_stream_complete"]


async def test_a_keyframe_is_asked_for_once_when_half_is_free() -> None:
    reader = Reader()
    reader.put(400, 200, 400, 1)
    await reader.next()
    assert reader.keyframes_asked == 0
    for _ in range(2):
        await reader.next()
        assert reader.keyframes_asked == 1


async def test_a_keyframe_that_comes_too_early_is_asked_for_again() -> None:
    reader = Reader()
    reader.put(500, 500, 1)
    await reader.next()
    assert reader.keyframes_asked == 1
    assert reader.put(600, keyframe=True) == [False]
    await reader.next()
    assert reader.keyframes_asked == 2


async def test_a_fragment_that_is_too_large_beside_little_is_made_up_for() -> None:
    """What waits never was half of the bound, so that no reading brings it down to that."""
    reader = Reader()
    assert reader.put(100, 950) == [True, False]
    await reader.next()
    assert reader.keyframes_asked == 1


async def test_a_fragment_larger_than_the_bound_is_sent_when_nothing_waits() -> None:
    reader = Reader()
    assert reader.put(5000, 1) == [True, False]
    assert await reader.next() == 5000
    assert reader.queue.waiting_video_bytes == 0
    assert reader.keyframes_asked == 1
    assert reader.put(5000, keyframe=True) == [True]


async def test_no_keyframe_is_asked_for_when_nothing_was_skipped() -> None:
    reader = Reader()
    reader.put(1000)
    await reader.rest()
    assert reader.keyframes_asked == 0


async def test_messages_are_never_skipped() -> None:
    reader = Reader()
    reader.put(1000, 1)
    for _ in range(50):
        reader.queue.put(say.StreamComplete("error"))
    assert (await reader.rest()).count("ltx2_stream_complete") == 50


async def test_a_stamped_message_is_made_when_it_is_taken() -> None:
    reader, made = Reader(), []

    def stamp() -> say.ServerMessage:
        made.append(1)
        return say.StreamComplete("error")

    reader.queue.put(stamp)
    assert not made
    assert await reader.next() == "ltx2_stream_complete"
    assert made


async def test_nothing_follows_the_last_message() -> None:
    reader = Reader()
    reader.queue.close(say.StreamComplete("stop_requested"))
    reader.queue.put(say.SessionTimeout(1))
    reader.put(10, keyframe=True)
    reader.queue.close(say.StreamComplete("error"))
    assert json.loads(str(await reader.queue.get()))["reason"] == "stop_requested"
    assert [await reader.next() for _ in range(2)] == [None, None]
    assert reader.queue.waiting_video_bytes == 0


async def test_closing_wakes_the_reader() -> None:
    reader = Reader()
    reading = asyncio.create_task(reader.next())
    await asyncio.sleep(0)
    reader.queue.close()
    assert await reading is None


async def test_a_viewer_who_reads_no_messages_is_given_up_once() -> None:
    reader = Reader(max_messages=8)
    for _ in range(8 + 10):
        reader.queue.put(say.SessionTimeout(1))
    assert reader.gone == 1
    assert len(await reader.rest()) == 8


STEPS = st.lists(
    st.one_of(
        st.tuples(st.integers(1, 1000), st.booleans()),
        st.just("take"),
    ),
    max_size=60,
)


@settings(max_examples=40)
@given(STEPS)
def test_what_waits_is_bounded_and_video_goes_on_only_at_a_keyframe(
    steps: Iterable[tuple[int, bool] | str],
) -> None:
    async def run() -> None:
        reader, broken = Reader(), False
        for action in steps:
            if isinstance(action, str):
                reader.queue.put(say.SessionTimeout(1))
                await reader.queue.get()
                continue
            size, keyframe = action
            (accepted,) = reader.put(size, keyframe=keyframe)
            assert not (accepted and broken and not keyframe)
            broken = not accepted
            assert reader.queue.waiting_video_bytes <= 1000
        rest = await reader.rest()
        assert reader.queue.waiting_video_bytes == 0
        assert len(rest) >= rest.count("viewer_lagging")

    asyncio.run(run())
