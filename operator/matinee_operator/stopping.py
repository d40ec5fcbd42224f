"""Signals that end the operator: an orderly end at the first, whenever it comes; at once at the
second."""

from __future__ import annotations

import asyncio
import os
import signal

from matinee_api.signals import exit_code, heeded


class Stopping:
    """Made in the task that is cancelled while nobody waits."""

    def __init__(self) -> None:
        self.asked_by: signal.Signals | None = None
        self._asked = asyncio.Event()
        self._starting = asyncio.current_task()

    def listen(self) -> None:
        loop = asyncio.get_running_loop()
        for number in heeded():
            loop.add_signal_handler(number, self._ask, number)

    async def wait(self) -> None:
        """Until a signal, which cancels nothing from now on."""
        self._starting = None
        await self._asked.wait()

    def _ask(self, number: signal.Signals) -> None:
        if self.asked_by is not None:
            os._exit(exit_code(number))
        self.asked_by = number
        self._asked.set()
        if self._starting is not None:
            self._starting.cancel()
