"""Opens sessions' encoders, one of them ahead of its viewer.

Opening libx264 takes 1.5 to 3 ms, which a new viewer would wait for. Most viewers of a server ask
for the same, so what one had is opened once more when they leave.
"""

from __future__ import annotations

import asyncio
import contextlib
from concurrent.futures import Executor, Future
from dataclasses import dataclass

from matinee.session.video import EncoderSettings, SessionVideo, open_video


@dataclass(frozen=True, slots=True)
class _Spare:
    settings: EncoderSettings
    video: Future[SessionVideo]


class VideoOpener:
    """Holds one spare at most, so that it takes the memory of one more session, whoever comes."""

    def __init__(self, encoders: Executor) -> None:
        self._encoders = encoders
        self._spare: _Spare | None = None

    async def open(self, settings: EncoderSettings) -> SessionVideo:
        """For a new session. What became of the spare is not this viewer's affair: one that could
        not be opened is forgotten, and another is opened."""
        spare = self._spare
        if spare is not None and spare.settings == settings:
            self._spare = None
            opened = asyncio.wrap_future(spare.video)
            await asyncio.wait([opened])
            if not opened.cancelled() and opened.exception() is None:
                return opened.result()
        return await asyncio.wrap_future(self._encoders.submit(open_video, settings))

    def open_ahead(self, settings: EncoderSettings) -> None:
        """The next viewer may ask for the same."""
        if self._spare is None or self._spare.settings != settings:
            with contextlib.suppress(RuntimeError):  # the server is ending
                self._spare = _Spare(settings, self._encoders.submit(open_video, settings))
