from __future__ import annotations

import asyncio

import pytest

from matinee.session.read_ahead import MOST_FRAMES, Frame, listening_until


class Socket:
    """`left` is set when only so many frames are left in it."""

    def __init__(self, *frames: Frame, left: int = 0) -> None:
        self.frames: asyncio.Queue[Frame] = asyncio.Queue()
        for frame in frames:
            self.frames.put_nowait(frame)
        self._left = left
        self._taken = asyncio.Event()

    async def receive(self) -> Frame:
        frame = await self.frames.get()
        if self.frames.qsize() == self._left:
            self._taken.set()
        if frame == "gone":
            raise ConnectionError
        return frame

    async def taken(self) -> str:
        """Done some turns of the loop after that, in which more could be taken."""
        await self._taken.wait()
        for _ in range(10):
            await asyncio.sleep(0)
        return "done"


async def test_frames_are_kept_in_their_order_and_none_is_lost() -> None:
    socket = Socket("a", None, "b")
    assert await listening_until(socket.taken(), socket.receive, 100) == (
        "done",
        ["a", None, "b"],
    )
    socket.frames.put_nowait("c")
    assert await socket.receive() == "c"


@pytest.mark.parametrize(("size", "kept"), [(1, MOST_FRAMES), (40, 3)])
async def test_past_the_bound_frames_stay_in_the_socket(size: int, kept: int) -> None:
    socket = Socket(*["x" * size] * 50, left=50 - kept)
    _, frames = await listening_until(socket.taken(), socket.receive, 100)
    assert len(frames) == kept
    assert socket.frames.qsize() == 50 - kept


async def test_a_viewer_who_leaves_ends_the_wait() -> None:
    forever = asyncio.Event()
    with pytest.raises(ConnectionError):
        await listening_until(forever.wait(), Socket("a", "gone").receive, 100)


async def test_what_is_waited_for_may_fail() -> None:
    async def fail() -> None:
        raise LookupError

    with pytest.raises(LookupError):
        await listening_until(fail(), Socket().receive, 100)
