"""The Python API: a loaded model that turns prompts into frames and files, in this process.

`VideoGenerator` makes videos that have nothing to do with each other; its child in `streaming.py`
lets each go on where the one before ended. Both are safe to call from several threads: one video
is made at a time.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from types import TracebackType
from typing import Literal, Never, Self, Unpack

import numpy as np

from matinee.engine.colour import rgb_array
from matinee.engine.engine import Dtype, Engine, free_memory
from matinee.engine.families import Run
from matinee.errors import GenerationCancelled, InvalidRequest
from matinee.generation import (
    ModelInfo,
    Pcm,
    RgbFrames,
    SegmentRequest,
    State,
    StepProgress,
    joined_sound,
)
from matinee.local.events import VideoEvent, VideoFinalEvent, VideoPartialEvent, VideoProgressEvent
from matinee.local.options import (
    GenerationOptions,
    Request,
    as_written,
    check_names,
    health_check_request,
    request_from,
    starting_state,
    with_request,
)
from matinee.local.output_path import check_output_path, file_path
from matinee.local.pictures import path_of
from matinee.local.recording import Record, recording
from matinee_api.config.load import load_file, validate
from matinee_api.config.runtime_config import GeneratorConfig, RequestConfig, RunConfig

Emit = Callable[[VideoEvent], None]
LOADING = ("revision", "device", "dtype", "cpu_threads")
"""Keywords of `from_pretrained`."""


class VideoGenerator:
    """A loaded model. `defaults`: used where a call says nothing."""

    def __init__(self, engine: Engine, defaults: RequestConfig | None = None) -> None:
        self._engine: Engine | None = engine
        self._defaults = defaults or RequestConfig()
        self._lock = threading.RLock()

    @classmethod
    def from_pretrained(
        cls,
        model_path: str | Path,
        *,
        revision: str | None = None,
        device: Literal["auto", "cpu", "cuda"] = "auto",
        dtype: Dtype = "auto",
        cpu_threads: int | None = None,
        **unknown: Never,
    ) -> Self:
        """Load a model from a folder, a hub id `org/name`, or a URI such as `builtin:tiny`.

        Raises `ModelUnavailable`, and `BadInput` or `ConfigError` for what is wrong with a value.
        """
        check_names(unknown, LOADING)
        engine = {
            "device": device,
            "dtype": str(dtype).removeprefix("torch."),
            "cpu_threads": cpu_threads,
        }
        return cls.from_config({"model_path": model_path, "revision": revision, "engine": engine})

    @classmethod
    def from_config(
        cls, config: RunConfig | GeneratorConfig | Mapping[str, object] | str | Path
    ) -> Self:
        """Load what a configuration, the same as a mapping, or the YAML file of a `RunConfig`,
        names. The request of a `RunConfig` gives the defaults of later calls."""
        if isinstance(config, str | Path):
            config = load_file(RunConfig, config)
        elif isinstance(config, Mapping):
            values = as_written(config)
            if "model_path" in config:
                return cls.from_config(validate(GeneratorConfig, values))
            config = validate(RunConfig, values)
        if isinstance(config, RunConfig):
            return cls(Engine.load(config.generator), config.request)
        if isinstance(config, GeneratorConfig):
            return cls(Engine.load(config))
        kinds = "a configuration, a mapping or the path of a YAML file"
        raise InvalidRequest("config", f"must be {kinds}, got {config!r:.60}")

    @property
    def info(self) -> ModelInfo:
        return self._loaded().info

    def default_health_check_request(self) -> RequestConfig:
        """The quickest video that this model makes: `generate` takes it, and JSON and pickle do."""
        return health_check_request(self.info)

    def generate(
        self,
        prompt: str | Request | None = None,
        *,
        output_path: str | Path | None = None,
        on_event: Emit | None = None,
        **options: Unpack[GenerationOptions],
    ) -> VideoFinalEvent:
        """Make one video. `prompt`: what to show, or a whole request, over which the options go.
        `output_path`: an .mp4, .webm or .gif file, `folder/%05d.png` for pictures, or a folder for
        an .mp4 named by prompt and seed, which is made if need be. What `on_event` raises ends the
        generation.

        Raises `BadInput` before anything is computed; its `param` names what is wrong."""
        return self._make(prompt, options, output_path, on_event or _ignore, lambda: False)

    def generate_async(
        self,
        prompt: str | Request | None = None,
        *,
        output_path: str | Path | None = None,
        **options: Unpack[GenerationOptions],
    ) -> AsyncGenerator[VideoEvent, None]:
        """The same as an iterator of events, made in a thread. Closing it (or cancelling the task
        that reads it) stops the model at its next step."""
        self._loaded()
        check_names(options, GenerationOptions.__annotations__, "output_path")
        return self._events(prompt, options, output_path)

    async def _events(
        self,
        prompt: str | Request | None,
        options: GenerationOptions,
        output_path: str | Path | None,
    ) -> AsyncGenerator[VideoEvent, None]:
        loop = asyncio.get_running_loop()
        # Bounded by the video: one event for each step and chunk. A slow reader holds no GPU.
        events: asyncio.Queue[VideoEvent | None] = asyncio.Queue()
        cancelled = threading.Event()

        def emit(event: VideoEvent | None) -> None:
            loop.call_soon_threadsafe(events.put_nowait, event)

        def work() -> None:
            try:
                self._make(prompt, options, output_path, emit, cancelled.is_set)
            finally:
                emit(None)

        task = asyncio.create_task(asyncio.to_thread(work))
        try:
            while (event := await events.get()) is not None:
                yield event
            await task
        finally:
            cancelled.set()
            await asyncio.wait([task])
            task.exception()  # told already, or nobody listens any more

    def shutdown(self) -> None:
        """Stop a running generation at its next step and let go of the model."""
        self._engine = None
        with self._lock:
            free_memory()

    def __enter__(self) -> Self:
        self._loaded()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.shutdown()

    def _loaded(self) -> Engine:
        if self._engine is None:
            raise RuntimeError("this generator is shut down; make another one")
        return self._engine

    def _make(
        self,
        prompt: str | Request | None,
        options: GenerationOptions,
        output_path: str | Path | None,
        emit: Emit,
        cancelled: Callable[[], bool],
    ) -> VideoFinalEvent:
        self._loaded()  # while another video is made, its lock would keep us from saying so
        with self._lock:
            begun = time.perf_counter()
            engine = self._loaded()
            request, state = self._asked(prompt, options, engine.info)
            run = engine.begin(request, state)
            path = None if output_path is None else _output_file(output_path, request)
            kept = recording(path, request, engine.info.audio) if path else nullcontext(_ignore)
            with kept as record:
                frames, sound = self._run_to_end(run, record, emit, cancelled)
            final = VideoFinalEvent(
                frames=frames,
                audio=sound,
                fps=request.fps,
                seed=request.seed,
                continuation_state=run.state(),
                generation_time_s=time.perf_counter() - begun,
                video_path=path,
                notes=engine.notes_on(request),
            )
        emit(final)
        return final

    def _asked(
        self, prompt: str | Request | None, options: GenerationOptions, info: ModelInfo
    ) -> tuple[SegmentRequest, State | None]:
        """What is to be made, and what it goes on from."""
        defaults = self._defaults
        if isinstance(prompt, RequestConfig | Mapping):
            defaults, prompt = with_request(defaults, prompt), None
        check_names(options, GenerationOptions.__annotations__, "output_path", "on_event")
        request = request_from(prompt, options, defaults, info)
        return request, starting_state(request, options, defaults, info)

    def _run_to_end(
        self, run: Run, record: Record, emit: Emit, cancelled: Callable[[], bool]
    ) -> tuple[RgbFrames, Pcm | None]:
        def on_step(done: StepProgress) -> None:
            if cancelled() or self._engine is None:
                raise GenerationCancelled(done.step)
            emit(VideoProgressEvent(done.step, done.total_steps, done.stage))

        made: list[RgbFrames] = []
        sounds: list[Pcm] = []
        while not run.finished:
            chunk = run.next_chunk(on_step)
            frames = rgb_array(chunk.frames)
            record(chunk)
            emit(VideoPartialEvent(frames, chunk.audio, first_frame=sum(map(len, made))))
            made.append(frames)
            sounds += [chunk.audio] if chunk.audio else []
        return np.concatenate(made), joined_sound(sounds)


def _output_file(output_path: str | Path, request: SegmentRequest) -> Path:
    """Raises `BadInput` when no video can be written there."""
    path = path_of("output_path", output_path)
    check_output_path("output_path", path)
    return file_path(path, request)


def _ignore(_: object) -> None:
    """For a listener that is not there."""
