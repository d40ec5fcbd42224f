"""The fake engine (tests/unit/runtime/worker/fake_engine.py), stopped before each step."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Awaitable
from pathlib import Path
from typing import TypeVar

FEW = 3
"""Steps that the engine may make between a viewer's order and its arrival at the worker, when the
test lets it go on as soon as it likes. What the worker does then, to the step, is shown by
tests/unit/runtime/worker/test_loop.py."""
ALL = 1000
Told = TypeVar("Told")


class Gate:
    """Named pipes on which the engine stops before each step of the prompts that hold `order`."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "gate"
        self.permitted = 0
        self._arrivals, self._permits = (
            self._open(path) for path in (self.path, self.path.with_suffix(".go"))
        )

    @staticmethod
    def _open(path: Path) -> int:
        os.mkfifo(path)
        return os.open(path, os.O_RDWR)

    @property
    def order(self) -> str:
        return f"step={self.path}"

    async def arrival(self) -> None:
        """The engine is about to make a step."""
        loop = asyncio.get_running_loop()
        arrived = asyncio.Event()
        loop.add_reader(self._arrivals, arrived.set)
        try:
            await arrived.wait()
            os.read(self._arrivals, 1)
        finally:
            loop.remove_reader(self._arrivals)

    def go(self, steps: int = 1) -> None:
        self.permitted += steps
        os.write(self._permits, b"." * steps)

    def forget(self) -> None:
        """An engine that was killed has left its arrivals and permits in the pipes."""
        for pipe in (self._arrivals, self._permits):
            os.set_blocking(pipe, False)
            with contextlib.suppress(BlockingIOError):
                os.read(pipe, 2 * ALL)
            os.set_blocking(pipe, True)

    def close(self) -> None:
        """The engine goes on, whatever it is at."""
        self.go(ALL)
        os.close(self._arrivals)
        os.close(self._permits)


async def step_until(gate: Gate, telling: Awaitable[Told]) -> Told:
    """Let the engine go on step by step, but not before it is asked for a step, until the server
    tells what is awaited. The engine is in a step at the beginning."""
    told = asyncio.ensure_future(telling)
    gate.go()
    while not told.done():
        arriving = asyncio.create_task(gate.arrival())
        await asyncio.wait([told, arriving], return_when=asyncio.FIRST_COMPLETED)
        if not told.done():
            gate.go()
        arriving.cancel()
    return told.result()
