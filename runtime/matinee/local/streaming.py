"""The Python API for one long video: each prompt goes on where the one before ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from matinee.generation import State
from matinee.local.events import VideoEvent, VideoFinalEvent
from matinee.local.generator import Emit, VideoGenerator
from matinee.local.options import (
    GenerationOptions,
    Request,
    checked_state,
    going_on,
    with_request,
)
from matinee_api.config.runtime_config import RequestConfig


class StreamingVideoGenerator(VideoGenerator):
    """Each video goes on where the one before ended, with its size and seed. It adds
    `num_frames - 1` frames, because its first would be the last one shown."""

    _state: State | None = None

    @property
    def state(self) -> State | None:
        """What the next video goes on from; None before the first."""
        return self._state

    def reset(self, state: State | None = None) -> None:
        """Begin anew, or go on from `state`."""
        state = checked_state(state)
        with self._lock:
            self._state = state

    def _make(
        self,
        prompt: str | Request | None,
        options: GenerationOptions,
        output_path: str | Path | None,
        emit: Emit,
        cancelled: Callable[[], bool],
    ) -> VideoFinalEvent:
        def remember(event: VideoEvent) -> None:
            if isinstance(event, VideoFinalEvent):
                self._state = event.continuation_state
            emit(event)

        self._loaded()
        with self._lock:
            if isinstance(prompt, Mapping):
                prompt = with_request(RequestConfig(), prompt)
            options = going_on(self._state, prompt, options)
            return super()._make(prompt, options, output_path, remember, cancelled)
