"""An API process to be killed: starts a worker, prints its pid, and waits for ever.

With `busy` the worker is kept in a step that never ends, where it cannot see its pipe's end.
"""

from __future__ import annotations

import asyncio
import sys

from matinee.worker.messages import StepDone
from matinee.worker.pool import WorkerPool
from matinee_api.config.runtime_config import GeneratorConfig, PoolConfig, WarmupConfig
from tests.unit.runtime.worker.making import FAKE, segment


async def main(tally: str, busy: bool) -> None:
    pool = WorkerPool(
        GeneratorConfig(model_path="fake"), PoolConfig(), WarmupConfig(), backend=FAKE
    )
    await pool.start()
    await pool.ready()
    if busy:
        async for event in pool.submit(segment(f"hang@2={tally}")):
            if isinstance(event, StepDone):
                break
    print(pool.workers[0].pid, flush=True)  # noqa: T201 - the test reads it
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2] == "busy"))
