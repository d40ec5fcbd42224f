"""What waits to be sent to one viewer, bounded in bytes.

JSON messages are never dropped. Video is: a viewer slower than the stream loses a whole stretch
up to an IDR picture, is told how much with `viewer_lagging`, and the stream goes on. The producer
never waits, so the GPU never waits for a viewer.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from matinee.media.media_stream import Fragment
from matinee.session.outlet import Stamped
from matinee.wire.server_messages import ServerMessage, TextFrame, ViewerLagging


class SendQueue:
    """The producer calls `put`, `put_video` and `close`; one consumer awaits `get`.

    `max_bytes`: video that may wait. `max_messages`: JSON messages that a viewer may leave unread
    before it counts as gone; at 20 progress messages a second the default is minutes.
    `request_keyframe` is called when a viewer for whom video was
    skipped has read most of what waited: the next picture should be an IDR. `viewer_gone` is called
    once, with the queue closed, when the viewer has read nothing for so long that messages would
    be lost.
    """

    def __init__(
        self,
        max_bytes: int,
        request_keyframe: Callable[[], None],
        viewer_gone: Callable[[], None],
        max_messages: int = 4096,
    ) -> None:
        self.waiting_video_bytes = 0
        self.skipped_ms_total = 0.0
        self._max_bytes = max_bytes
        self._max_messages = max_messages
        self._request_keyframe = request_keyframe
        self._viewer_gone = viewer_gone
        self._items: deque[ServerMessage | Stamped | Fragment | bytes] = deque()
        self._skipped_ms = 0.0
        self._keyframe_asked = False
        self._closed = False
        self._changed = asyncio.Event()

    def forget(self) -> None:
        """The end, whatever waits: nothing is sent any more, and nobody is called."""
        self._closed = True
        self._items.clear()
        self._request_keyframe = self._viewer_gone = _nobody

    @property
    def waiting(self) -> int:
        """Messages and fragments."""
        return len(self._items)

    def put(self, message: ServerMessage | Stamped | bytes) -> None:
        """Add a message, or the bytes of an init segment."""
        if self._closed:
            return
        if len(self._items) >= self._max_messages:
            self.close()
            self._viewer_gone()
            return
        self._items.append(message)
        self._changed.set()

    def put_video(self, fragment: Fragment) -> bool:
        """Add a fragment; False when it was skipped because the viewer is slow."""
        if self._closed:
            return True
        room = self.waiting_video_bytes + len(fragment.data) <= self._max_bytes
        fits = room or self.waiting_video_bytes == 0
        if not fits or (self._skipped_ms and not fragment.keyframe):
            self._skip(fragment)
            return False
        self._tell_skipped()
        self.waiting_video_bytes += len(fragment.data)
        self._items.append(fragment)
        self._changed.set()
        return True

    def close(self, *last: ServerMessage) -> None:
        """Nothing follows `last`: `get` gives what waits, and then None, always."""
        if not self._closed:
            self._closed = True
            self._tell_skipped()
            self._items.extend(last)
        self._changed.set()

    async def get(self) -> TextFrame | bytes | None:
        """The next frame for the socket, text or binary; None after `close`."""
        while not self._items:
            if self._closed:
                return None
            self._changed.clear()
            await self._changed.wait()
        match self._items.popleft():
            case Fragment() as fragment:
                self._video_taken(len(fragment.data))
                return fragment.data
            case bytes() as data:
                return data
            case ServerMessage() as message:
                return message.frame()
            case stamped:
                return stamped().frame()

    def _skip(self, fragment: Fragment) -> None:
        self._skipped_ms += fragment.duration_ms
        self.skipped_ms_total += fragment.duration_ms
        if fragment.keyframe:
            self._keyframe_asked = False  # it came too early: ask for another one

    def _tell_skipped(self) -> None:
        if self._skipped_ms:
            self._items.append(ViewerLagging(skipped_ms=round(self._skipped_ms, 1)))
            self._skipped_ms = 0.0
            self._keyframe_asked = False

    def _video_taken(self, size: int) -> None:
        """Something was skipped while video waited, so that this is called after every skip."""
        self.waiting_video_bytes -= size
        has_room = self.waiting_video_bytes <= self._max_bytes // 2
        if self._skipped_ms and has_room and not self._keyframe_asked:
            self._keyframe_asked = True
            self._request_keyframe()


def _nobody() -> None:
    """Who is called after the end."""
