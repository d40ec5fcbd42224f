"""Where a session's messages and video go: a WebSocket today, any way to a viewer.

An outlet never makes its session wait. In the other direction it calls its runner:
`request_keyframe` when a viewer who missed video can go on at the next IDR, and `gone` when nobody
watches any more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from matinee.media.media_stream import Fragment
from matinee.session.effects import End
from matinee.wire.server_messages import ServerMessage

Stamped = Callable[[], ServerMessage]
"""A message that is made when its turn comes, because it tells when that was."""


class Outlet(Protocol):
    def put(self, message: ServerMessage | Stamped | bytes) -> None:
        """A message, or the bytes that come before the first fragment."""
        ...

    def put_video(self, fragment: Fragment) -> bool:
        """False when the fragment was skipped because the viewer is slow."""
        ...

    def close(self, end: End) -> None:
        """Tell the reason after all that was put, and close; then the runner is told `gone`. The
        first reason counts, and what is put later is lost."""
        ...
