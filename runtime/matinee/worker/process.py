"""The worker process: load the model, warm it up, then run the loop until told to leave.

`main` is the target of a `spawn`ed process. It imports the engine by the backend's name, after
the GPU has been chosen, so that the parent can import this module without torch.
"""

from __future__ import annotations

import ctypes
import dataclasses
import importlib
import logging
import os
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import numpy as np

from matinee.errors import BadInput, MatineeError, ModelUnavailable
from matinee.generation import (
    ModelInfo,
    SegmentRequest,
    State,
    check_request,
    with_defaults,
)
from matinee.serving.large_blocks import keep_large_blocks
from matinee.serving.logs import log_to_stderr
from matinee.serving.uncollected import uncollected
from matinee.worker.backend import Backend, EngineLike, RunLike
from matinee.worker.loop import WorkerLoop, failure_message
from matinee.worker.messages import Command, Event, WorkerReady, WorkerUnusable
from matinee.worker.pipe import Reader, Writer
from matinee.worker.ring import SLOT_PIXELS, FrameRing, FreeSlots
from matinee_api.config.runtime_config import GeneratorConfig, WarmupConfig
from matinee_api.signals import leave_to_parent

logger = logging.getLogger(__name__)

_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """What a worker process is told at its start."""

    generator: GeneratorConfig
    warmup: WarmupConfig
    backend: str
    parent_pid: int
    visible_device: str
    free_slots: tuple[int, ...]
    """Slots of the ring that no reader holds from before."""


def main(settings: WorkerSettings, ring: FrameRing, end: socket.socket) -> None:
    """`end`: of the pipe to the API process."""
    commands, events = Reader[Command](end), Writer[Event](end)
    leave_to_parent()
    _die_with_parent(settings.parent_pid)
    log_to_stderr(logging.WARNING)
    _prepare_environment(settings)
    keep_large_blocks()
    try:
        with uncollected():
            backend = cast(Backend, importlib.import_module(settings.backend))
        engine, timings_ms = _load(settings, backend)
    except Exception as error:
        if not isinstance(error, MatineeError):  # ours say what to do; a traceback would hide it
            logger.exception("the worker cannot start")
        events.send(unusable(error))
        return
    events.send(WorkerReady(engine.info, timings_ms))
    loop = WorkerLoop(engine, backend, ring, FreeSlots(settings.free_slots), commands, events)
    engine.on_part_done(loop.part_done)
    loop.run()


def _prepare_environment(settings: WorkerSettings) -> None:
    """What CUDA and OpenMP read when torch is imported."""
    os.environ["CUDA_VISIBLE_DEVICES"] = settings.visible_device
    # Threads that spin while they wait take the cores from those that they wait for: on two busy
    # cores, a step of the tiny model took 87-108 ms with spinning and 10-24 ms without.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


class RingBoundEngine:
    """The engine, with requests whose pictures are larger than a slot of the ring refused."""

    def __init__(self, engine: EngineLike) -> None:
        self._engine = engine
        max_pixels = min(engine.info.max_pixels, SLOT_PIXELS)
        self.info: ModelInfo = dataclasses.replace(engine.info, max_pixels=max_pixels)

    def begin(self, request: SegmentRequest, state: State | None) -> RunLike:
        check_request(self.info, request, begins=state is None)
        return self._engine.begin(request, state)

    def characters_read(self, prompt: str) -> int:
        return self._engine.characters_read(prompt)

    def trial_opening(self) -> State | None:
        return self._engine.trial_opening()

    def on_part_done(self, tell: Callable[[], None]) -> None:
        self._engine.on_part_done(tell)


def _load(settings: WorkerSettings, backend: Backend) -> tuple[RingBoundEngine, dict[str, float]]:
    started = time.perf_counter()
    engine = RingBoundEngine(backend.load(settings.generator))
    timings_ms = {"load": _ms_since(started)}
    if settings.warmup.enabled:
        timings_ms |= _warm_up(engine, backend, settings.warmup.prompt)
    return engine, timings_ms


def _warm_up(engine: EngineLike, backend: Backend, prompt: str) -> dict[str, float]:
    """One real segment with the model's defaults, colour conversion included."""
    started = time.perf_counter()
    request = with_defaults(engine.info.defaults, prompt, seed=0)
    picture = np.empty((request.height * 3 // 2, request.width), np.uint8)
    run = engine.begin(request, engine.trial_opening())
    timings_ms: dict[str, float] = {}
    while not run.finished:
        frames = run.next_chunk(lambda _progress: None).frames
        backend.rgb_to_i420(frames, [picture] * len(frames))
        timings_ms.setdefault("warmup_first_frame", _ms_since(started))
    return timings_ms | {"warmup_total": _ms_since(started)}


def _ms_since(started: float) -> float:
    return (time.perf_counter() - started) * 1000


def unusable(error: Exception) -> WorkerUnusable:
    """Missing weights, refused settings and missing libraries stay so however often one tries."""
    if isinstance(error, ImportError):
        return WorkerUnusable(f"a library is missing: {error}", retryable=False)
    retryable = not isinstance(error, ModelUnavailable | BadInput)
    return WorkerUnusable(failure_message(error), retryable)


def _die_with_parent(parent_pid: int) -> None:
    """Ask the kernel for SIGKILL when the parent ends, even in the midst of a long step.

    It is the end of the *thread* that started this process that counts: `link.WorkerLink` keeps
    that thread for as long as the process lives.
    """
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:  # it had ended before the kernel was asked
        raise SystemExit(1)
