"""The first thing that a server does: it starts its workers.

They import torch while the rest of the server is imported, which takes half a second itself.
Nothing of the server may be imported here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import uvloop

from matinee.worker.backend import TORCH_BACKEND
from matinee.worker.pool import WorkerPool
from matinee_api.config.runtime_config import ServeConfig


@dataclass(frozen=True, slots=True)
class Started:
    """`pool`: on its way, on the loop of `runner`."""

    runner: asyncio.Runner
    pool: WorkerPool


@contextmanager
def workers_first(config: ServeConfig, backend: str = TORCH_BACKEND) -> Iterator[Started]:
    """The workers end with the block, when the server has not ended them.

    `backend`: module that the workers import, see `matinee.worker.backend`. Raises `BadInput` when
    there are GPUs, but not one for each worker.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        pool = pool_of(config, backend)
        runner.run(pool.start())
        try:
            yield Started(runner, pool)
        finally:
            runner.run(pool.stop(0.0))


def pool_of(config: ServeConfig, backend: str = TORCH_BACKEND) -> WorkerPool:
    streaming = config.streaming
    return WorkerPool(config.generator, streaming.pool, streaming.warmup, backend=backend)
