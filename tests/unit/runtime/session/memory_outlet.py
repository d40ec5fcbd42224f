"""An outlet without a viewer: what it would have sent is here to be looked at."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from matinee.media.media_stream import Fragment
from matinee.session.effects import End
from matinee.session.outlet import Stamped
from matinee.session.send_queue import SendQueue
from matinee.wire.server_messages import ServerMessage, TextFrame


def read(frame: TextFrame) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(frame if isinstance(frame, str) else b"".join(frame))
    return message


class MemoryOutlet:
    """`keyframe_wanted` and `gone` are the runner's. Video past `video_bytes` is skipped."""

    def __init__(
        self,
        *,
        video_bytes: int = 10**7,
        keyframe_wanted: Callable[[], None] = lambda: None,
    ) -> None:
        self.ending: End | None = None
        self.gone: Callable[[], None] = lambda: None
        self.heard: list[dict[str, Any] | bytes] = []
        self.news = asyncio.Event()
        self._queue = SendQueue(video_bytes, keyframe_wanted, lambda: self.gone())

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [one for one in self.heard if isinstance(one, dict)]

    @property
    def binaries(self) -> list[bytes]:
        return [one for one in self.heard if isinstance(one, bytes)]

    def put(self, message: ServerMessage | Stamped | bytes) -> None:
        self._queue.put(message)
        self.news.set()

    def put_video(self, fragment: Fragment) -> bool:
        taken = self._queue.put_video(fragment)
        self.news.set()
        return taken

    def close(self, end: End) -> None:
        if self.ending is None:
            self.ending = end
            self._queue.close()
            self.news.set()
            self.gone()

    async def read(self) -> list[dict[str, Any] | bytes]:
        """All that waits, added to `heard`."""
        while self._queue.waiting:
            frame = await self._queue.get()
            assert frame is not None
            self.heard.append(frame if isinstance(frame, bytes) else read(frame))
        return self.heard

    async def hear(self, kind: str, times: int = 1) -> dict[str, Any]:
        """The last of so many messages of that type, as soon as it is there."""
        async with asyncio.timeout(20):
            while True:
                self.news.clear()
                await self.read()
                found = [message for message in self.messages if message["type"] == kind]
                if len(found) >= times:
                    return found[times - 1]
                await self.news.wait()
