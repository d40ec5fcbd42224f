"""A backend without torch: pixels from a hash, and prompts that make it hang, crash or wait.

Words of the prompt are orders: `step=FIFO` writes one byte to a named pipe at each step and then
waits for one on `FIFO.go`; `kill@N=FILE`, `crash@N=FILE` and `hang@N=FILE` let the process be
killed, end or stop for good at step N, `times=K` times over all processes (FILE keeps count);
`raise@N=NAME` raises at step N; `long@N=PARTS` makes step N take so many parts of `PART_S` each;
`parts=N` gives the frames of each window in N chunks.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import signal
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from matinee.errors import InvalidRequest, ModelUnavailable, WorkerFailed
from matinee.generation import (
    AudioFormat,
    Chunk,
    GenerationDefaults,
    ModelInfo,
    Pcm,
    RgbFrames,
    SegmentRequest,
    State,
    StepProgress,
    check_request,
    plan_chunks,
    samples_before,
)
from matinee.media.i420 import I420Picture
from matinee.state.last_frames import LastFrames
from matinee_api.config.runtime_config import GeneratorConfig
from matinee_api.families import LTX

INFO = ModelInfo(
    model_id="fake",
    family="fake",
    state_kind=LTX.state_kind,
    spatial_factor=16,
    temporal_factor=8,
    chunk_frames=17,
    overlap_frames=9,
    defaults=GenerationDefaults(
        width=32, height=32, num_frames=17, fps=24, num_inference_steps=4, guidance_scale=1.0
    ),
)

PART_S = 0.2

ERRORS: dict[str, type[Exception]] = {
    "ValueError": ValueError,
    "MemoryError": MemoryError,
    "OutOfMemoryError": type("OutOfMemoryError", (RuntimeError,), {}),
    "AcceleratorError": type("AcceleratorError", (RuntimeError,), {}),
    "WorkerFailed": WorkerFailed,
}


def load(generator: GeneratorConfig) -> FakeEngine:
    if "missing" in generator.model_path:
        raise ModelUnavailable(f"no weights in {generator.model_path}")
    _, late, folder = generator.model_path.partition("late=")
    if late and not Path(folder, "weights").exists():
        raise ModelUnavailable(f"no weights in {folder} yet")
    if "flaky" in generator.model_path:
        raise RuntimeError("the disk had a bad day")
    return FakeEngine()


def rgb_to_i420(frames: RgbFrames, out: Sequence[I420Picture]) -> None:
    """Not the real colours: any function of all the pixels serves."""
    for frame, picture in zip(frames, out, strict=True):
        height = frame.shape[0]
        picture[:height] = frame[:, :, 0]
        picture[height:] = frame[: height // 2, :, 1]


def _tell_part() -> None:
    """Replaced in a worker."""


def recover(error: Exception) -> bool:
    return type(error).__name__ != "AcceleratorError"


BeforeStep = Callable[[str, int], None]


class FakeEngine:
    info = INFO

    def __init__(self, before_step: BeforeStep | None = None) -> None:
        self._before_step = before_step or _obey

    def begin(self, request: SegmentRequest, state: State | None) -> FakeRun:
        check_request(self.info, request, begins=state is None)
        if "refused" in request.prompt:
            raise InvalidRequest("prompt", "is refused")
        return FakeRun(request, state, self._before_step)

    def characters_read(self, prompt: str) -> int:
        return len(prompt)

    def trial_opening(self) -> None:
        """A prompt is enough."""

    def on_part_done(self, tell: Callable[[], None]) -> None:
        global _tell_part
        _tell_part = tell


class SingingEngine(FakeEngine):
    """With sound, whose every sample tells its place within the segment."""

    info = dataclasses.replace(INFO, audio=AudioFormat(rate=44_100, channels=1))

    def begin(self, request: SegmentRequest, state: State | None) -> FakeRun:
        return SingingRun(request, state, self._before_step)


class FakeRun:
    def __init__(
        self, request: SegmentRequest, state: State | None, before_step: BeforeStep
    ) -> None:
        self._request = request
        self._before_step = before_step
        self._earlier = LastFrames.of(state) if state else None
        self._known = np.empty((0, request.height, request.width, 3), np.uint8)
        if self._earlier is not None:
            self._known = self._earlier.frames
        self._plans = list(plan_chunks(INFO, request.num_frames, len(self._known)))
        self.total_steps = len(self._plans) * request.num_inference_steps
        self._step = 0
        self._rest: list[RgbFrames] = []

    @property
    def finished(self) -> bool:
        return not (self._plans or self._rest)

    def next_chunk(self, on_step: Callable[[StepProgress], None]) -> Chunk:
        if not self._rest:
            self._rest = self._next_window(on_step)
        return Chunk(self._rest.pop(0), more=bool(self._rest))

    def _next_window(self, on_step: Callable[[StepProgress], None]) -> list[RgbFrames]:
        plan = self._plans.pop(0)
        for _ in range(self._request.num_inference_steps):
            self._step += 1
            self._before_step(self._request.prompt, self._step)
            on_step(StepProgress(self._step, self.total_steps))
        frames = self._paint(plan.new)
        self._known = np.concatenate([self._known, frames])[-INFO.overlap_frames :]
        orders = dict(word.partition("=")[::2] for word in self._request.prompt.split())
        return np.array_split(frames, int(orders.get("parts", "1")))

    def state(self) -> State:
        left = LastFrames(
            frames=self._known,
            segment_index=1 + (self._earlier.segment_index if self._earlier else 0),
            seed=self._request.seed,
            prompts=(*(self._earlier.prompts if self._earlier else ()), self._request.prompt),
        )
        return left.to_state(INFO.state_kind)

    def _paint(self, count: int) -> RgbFrames:
        """Depends on the seed, the chunk and all that came before; not on the prompt's orders."""
        key = f"{self._request.seed} {self._step}".encode()
        digest = hashlib.sha256(key + self._known.tobytes()).digest()
        rng = np.random.default_rng(int.from_bytes(digest[:8], "little"))
        shape = (count, self._request.height, self._request.width, 3)
        return rng.integers(0, 256, shape, np.uint8)


class SingingRun(FakeRun):
    _first_frame = 0

    def next_chunk(self, on_step: Callable[[StepProgress], None]) -> Chunk:
        frames = super().next_chunk(on_step).frames
        first, self._first_frame = self._first_frame, self._first_frame + len(frames)
        fps = self._request.fps
        edges = [samples_before(frame, 44_100, fps) for frame in (first, self._first_frame)]
        return Chunk(frames, Pcm(np.arange(*edges, dtype=np.float32)[:, None], 44_100))


def _obey(prompt: str, step: int) -> None:
    orders = dict(word.partition("=")[::2] for word in prompt.split())
    if "step" in orders:
        _wait_at_gate(Path(orders["step"]))
    if f"raise@{step}" in orders:
        raise ERRORS[orders[f"raise@{step}"]]("internal details")
    times = int(orders.get("times", "1"))
    if f"hang@{step}" in orders and _counted(Path(orders[f"hang@{step}"]), times):
        threading.Event().wait()
    for _ in range(int(orders.get(f"long@{step}", "0"))):
        threading.Event().wait(PART_S)
        _tell_part()
    if f"crash@{step}" in orders and _counted(Path(orders[f"crash@{step}"]), times):
        os._exit(3)
    if f"kill@{step}" in orders and _counted(Path(orders[f"kill@{step}"]), times):
        os.kill(os.getpid(), signal.SIGKILL)


def _wait_at_gate(fifo: Path) -> None:
    with fifo.open("wb", buffering=0) as arrived:
        arrived.write(b".")
    with fifo.with_suffix(".go").open("rb", buffering=0) as go:
        go.read(1)


def _counted(tally: Path, times: int) -> bool:
    earlier = tally.read_bytes() if tally.exists() else b""
    if len(earlier) >= times:
        return False
    tally.write_bytes(earlier + b".")
    return True
