"""The server over the backend without torch. Its configuration is the argument, as JSON.

SIGUSR1 lets it print, as JSON, how many tasks its event loop and how many objects its process has,
for tests that look for leaks, and what the tasks do; what the allocator holds free is given back
before.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import json
import signal
import sys
from collections import Counter

import uvloop

from matinee.server import host
from matinee.server.doors import Doors
from matinee.server.lifecycle import Lifecycle
from matinee.serving.listening import url_of
from matinee.serving.logs import log_to_stderr
from matinee_api.config.runtime_config import ServeConfig
from tests.unit.runtime.worker import fake_engine


def count() -> None:
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    tasks = Counter(getattr(task.get_coro(), "__qualname__", "") for task in asyncio.all_tasks())
    alive = {"tasks": tasks.total(), "objects": len(gc.get_objects()), "doing": tasks}
    print(json.dumps(alive), flush=True)  # noqa: T201


async def serve(config: ServeConfig, backend: str) -> None:
    """As `host._serve` does, over another backend."""
    doors = Doors.of(config.server)
    access = host.control_access(config.server, doors, None)
    life = Lifecycle(config, "fake", backend=backend)
    web = host.graceful(config, life, access, doors.control_port)
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, count)

    async def announce() -> None:
        await life.pool.ready()
        print(f"ready: {url_of(doors.public)}/player", flush=True)  # noqa: T201

    announcing = asyncio.create_task(announce())
    await web.serve(sockets=doors.sockets)
    announcing.cancel()


def run(config: ServeConfig, backend: str) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(config, backend))


if __name__ == "__main__":
    log_to_stderr()
    run(ServeConfig.model_validate_json(sys.argv[1]), fake_engine.__name__)
