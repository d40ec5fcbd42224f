"""One worker process from its start to its exit, as the event loop sees it.

Two threads per process, so that neither a full pipe nor a large continuation state holds up the
loop. The first one starts the process, reads its events, and reaps it: the kernel kills the process
when the thread that started it ends (see `process._die_with_parent`), so that thread has to live
as long as the process. The other one writes what could block: the large commands, and all of them
while a worker in a long denoising step leaves its pipe full.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import logging
import multiprocessing
import queue
import signal
import socket
import threading
from collections.abc import Callable
from multiprocessing import resource_tracker

from matinee.worker.messages import Command, Event, Generate, Shutdown
from matinee.worker.pipe import Reader, Writer
from matinee.worker.process import WorkerSettings, main
from matinee.worker.ring import FrameRing
from matinee_api.signals import SIGNALS

logger = logging.getLogger(__name__)

UNREAD_COMMANDS = 4096
"""Far more than the jobs, cancels and slots of one worker: past it the worker is stuck."""

EXIT_GRACE_S = 1.0


class WorkerLink:
    """`on_event` is called on the event loop; `exited` is done after the last of these calls."""

    def __init__(
        self, settings: WorkerSettings, ring: FrameRing, on_event: Callable[[Event], None]
    ) -> None:
        self._end, self._childs_end = socket.socketpair()
        self._commands, self._events = Writer[Command](self._end), Reader[Event](self._end)
        self._process = multiprocessing.get_context("spawn").Process(
            target=main,
            args=(settings, ring, self._childs_end),
            name="matinee-worker",
            daemon=True,
        )
        self._on_event = on_event
        self._outbox: queue.Queue[Command | None] = queue.Queue(UNREAD_COMMANDS)
        self._unwanted = threading.Event()
        self._loop = asyncio.get_running_loop()
        self.exited: asyncio.Future[int | None] = self._loop.create_future()

    @property
    def pid(self) -> int | None:
        return self._process.pid

    def start(self) -> None:
        """`exited` tells when that fails."""
        # Before Python waits for its children, to which it sends SIGTERM, which ours ignore.
        atexit.register(self.kill)
        # Commands first: their thread ends by itself when the other one cannot be started.
        for target in (self._write_commands, self._own_process):
            try:
                threading.Thread(
                    target=target, name=f"matinee{target.__name__}", daemon=True
                ).start()
            except RuntimeError:
                logger.exception("cannot start a thread for a worker process")
                self._childs_end.close()
                self._reap()
                return

    def send(self, command: Command) -> None:
        """Never blocks. A process that is gone is told nothing: `exited` tells the caller."""
        if self._outbox.unfinished_tasks == 0 and not _may_be_large(command):
            # On a busy machine another thread may be woken too late for a cancel, by steps.
            with contextlib.suppress(OSError):
                if self._commands.sent_at_once(command):
                    return
        try:
            self._outbox.put_nowait(command)
        except queue.Full:
            logger.warning("worker %s reads no commands; killing it", self.pid)
            self.kill()

    def kill(self) -> None:
        self._unwanted.set()
        if self.pid is not None:
            self._process.kill()

    async def stop(self, timeout_s: float) -> None:
        """Ask the process to leave, kill it when it does not; back when it is gone."""
        self.send(Shutdown())
        await asyncio.wait([self.exited], timeout=timeout_s)
        self.kill()
        await self.exited

    # In the first thread

    def _own_process(self) -> None:
        try:
            self._start_process()
            self._read_events()
        except (
            OSError,
            RuntimeError,
        ):  # RuntimeError: a script without `if __name__ == "__main__"`
            logger.exception("cannot start a worker process")
        finally:
            self._reap()

    def _start_process(self) -> None:
        # A signal before the child's first line would end it, so it inherits a mask. So does the
        # tracker, which ignores Ctrl-C and SIGTERM only; starting it unblocks these two.
        try:
            signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
            resource_tracker.ensure_running()
            signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
            self._process.start()
        finally:
            self._childs_end.close()  # or the pipe would never end
        if self._unwanted.is_set():
            self._process.kill()

    def _read_events(self) -> None:
        # OSError: it was killed in the midst of an event.
        with contextlib.suppress(EOFError, OSError):
            while True:
                self._call(self._on_event, self._events.receive())

    def _reap(self) -> None:
        atexit.unregister(self.kill)
        if self.pid is not None:
            # Its pipe is closed, so it is about to exit; the code tells why.
            self._process.join(EXIT_GRACE_S)
            self._process.kill()
            self._process.join()
        self._outbox.put(None)
        self._end.close()
        self._call(self._note_exit)

    def _note_exit(self) -> None:
        self.exited.set_result(self._process.exitcode if self.pid is not None else None)

    def _call(self, function: Callable[..., None], *args: Event) -> None:
        with contextlib.suppress(RuntimeError):  # the loop was closed without `stop`
            self._loop.call_soon_threadsafe(function, *args)

    # In the second thread

    def _write_commands(self) -> None:
        while (command := self._outbox.get()) is not None:
            # A dead process is reported by the thread that reads its events.
            with contextlib.suppress(OSError):
                self._commands.send(command)
            self._outbox.task_done()


def _may_be_large(command: Command) -> bool:
    """An array with gaps is copied before it is sent: too long for the event loop."""
    return isinstance(command, Generate) and command.job.state is not None
