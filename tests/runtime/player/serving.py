"""`matinee up` with the bundled model, as a user starts it, for the browser tests."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import yaml

READY_TIMEOUT_S = 90.0
QUICKSTART = Path(__file__).parents[3] / "examples" / "quickstart.yaml"


def resources_with(folder: Path, **sessions: int) -> Path:
    """A copy of the quickstart whose service has other session limits."""
    model, service = yaml.safe_load_all(QUICKSTART.read_text())
    service["spec"]["sessions"] |= sessions
    path = folder / "resources.yaml"
    path.write_text(yaml.safe_dump_all([model, service]))
    return path


@contextlib.asynccontextmanager
async def matinee_up(resources: Path, port: int = 0) -> AsyncIterator[Server]:
    """Run until the block is left. Gives the server once it is ready."""
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("matinee")),
        *("up", "-f", str(resources), "--port", str(port)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,  # a group of its own, to be killed with its workers
    )
    server = Server(process)
    try:
        assert process.stdout is not None
        async with asyncio.timeout(READY_TIMEOUT_S):
            line = (await process.stdout.readline()).decode()
        assert line.startswith("ready: "), line
        server.url = line.removeprefix("ready: ").strip().removesuffix("/player")
        yield server
    finally:
        await server.kill()


class Server:
    """A running server. `url` has no path."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.url = ""
        self._process = process

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    async def kill(self) -> None:
        """End it and its workers at once, without a word to anybody."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()
