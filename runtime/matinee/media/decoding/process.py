"""One child that decodes, as a thread of the server sees it: blocking, with a deadline.

What the child says is trusted as little as the image: its answers have sizes that are known before.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from dataclasses import dataclass

from matinee.media.decoding import child
from matinee.media.decoding.errors import DecodingUnavailable, PictureRefused
from matinee.media.decoding.header import Encoded, Header

PIECE_BYTES = 2**18
_ENVIRONMENT = ("PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH")
"""All that a child is told: what finds Python's modules and libraries, no secrets."""


@dataclass(frozen=True, slots=True)
class DecodeLimits:
    """`memory_bytes`: the child's whole address space. `cpu_s`: for each image. `wall_s`: the same
    on a machine that is busy with other things. `idle_s`: a child without work is ended then."""

    memory_bytes: int = 128 * 2**20
    cpu_s: int = 5
    wall_s: float = 30.0
    idle_s: float = 3.0


class DecoderProcess:
    """Raises `DecodingUnavailable` when it cannot be started. `usable`: it waits for an order."""

    def __init__(self, limits: DecodeLimits) -> None:
        self.usable = True
        self._limits = limits
        numbers = (limits.memory_bytes, limits.cpu_s)
        known = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        try:
            self._process = subprocess.Popen(  # noqa: S603 (our own module)
                [sys.executable, "-s", "-P", "-m", child.__name__, *map(str, numbers)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=known,
                bufsize=0,
            )
        except OSError as error:
            raise DecodingUnavailable(f"no process for images can be started: {error}") from error
        self._orders, self._answers = _fd(self._process.stdin), _fd(self._process.stdout)
        for end in (self._orders, self._answers):
            os.set_blocking(end, False)

    def decode(
        self,
        encoded: Encoded,
        header: Header,
        pixels: memoryview,
        size: tuple[int, int],
        *,
        exact: bool,
    ) -> None:
        """Fill `pixels`, (height, width, 3) of the (width, height) `size`. Raises
        `PictureRefused`."""
        self.usable = False
        deadline = time.monotonic() + self._limits.wall_s
        name = header.format.encode()
        head = child.ORDER.pack(name, exact, header.width, header.height, *size, len(encoded))
        try:
            for part in (head, encoded):
                self._write(memoryview(part), deadline)
            self._take_answer(pixels, deadline)
        except (BrokenPipeError, EOFError):
            raise self._why_it_ended() from None

    def stop(self) -> None:
        """From any thread: who waits for it sees the end of its pipe."""
        self._process.kill()

    def end(self) -> None:
        """By the one who used it, once nobody does."""
        self.stop()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def _take_answer(self, pixels: memoryview, deadline: float) -> None:
        status = self._read(1, deadline)[0]
        if status == child.NO_MEMORY:
            raise self._too_large()
        if status == child.DONE:
            self._read_into(pixels, deadline)
            self.usable = True
            return
        (length,) = child.REASON.unpack(self._read(child.REASON.size, deadline))
        reason = self._read(length, deadline).decode(errors="replace")
        self.usable = True
        raise PictureRefused(reason)

    def _why_it_ended(self) -> PictureRefused:
        if self._process.wait() == -signal.SIGXCPU:
            return self._too_slow()
        return PictureRefused("the image cannot be decoded")

    def _too_large(self) -> PictureRefused:
        mebibytes = self._limits.memory_bytes // 2**20
        return PictureRefused(
            f"decoding the image takes more than {mebibytes} MiB; send one with fewer pixels"
        )

    def _too_slow(self) -> PictureRefused:
        return PictureRefused(
            f"decoding the image takes more than {self._limits.cpu_s} s; send a simpler or "
            "smaller one"
        )

    def _write(self, rest: memoryview, deadline: float) -> None:
        while rest:
            self._wait_for(self._orders, select.POLLOUT, deadline)
            rest = rest[os.write(self._orders, rest[:PIECE_BYTES]) :]

    def _read(self, size: int, deadline: float) -> bytearray:
        taken = bytearray(size)
        self._read_into(memoryview(taken), deadline)
        return taken

    def _read_into(self, rest: memoryview, deadline: float) -> None:
        while rest:
            self._wait_for(self._answers, select.POLLIN, deadline)
            count = os.readv(self._answers, [rest[:PIECE_BYTES]])
            if not count:
                raise EOFError
            rest = rest[count:]

    def _wait_for(self, end: int, event: int, deadline: float) -> None:
        poll = select.poll()
        poll.register(end, event)
        if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
            raise self._too_slow()


def _fd(pipe: object) -> int:
    return pipe.fileno()  # type: ignore[attr-defined,no-any-return]
