"""Images are decoded in a few small processes: as many as threads call, each with limits.

A damaged or hostile image costs its child's life at most. Children are started when they are
needed, serve one image after the other, and are ended when they are idle. When the server is
killed they see the end of their pipe.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from matinee.media.decoding.errors import DecodingUnavailable, PictureRefused
from matinee.media.decoding.header import Encoded, Header
from matinee.media.decoding.process import DecodeLimits, DecoderProcess


@dataclass(frozen=True, slots=True)
class Pictures:
    """What is to be decoded: `count` images of which `header_of` has approved, to fill `width` x
    `height`, or to be `exact`ly that, in RGB. Each is asked for when its turn comes."""

    count: int
    images: Iterable[tuple[Encoded, Header]]
    width: int
    height: int
    exact: bool


class DecoderPool:
    """Thread-safe. `stop` ends what is being decoded, at once."""

    def __init__(self, limits: DecodeLimits) -> None:
        self._limits = limits
        self._lock = threading.Lock()
        self._idle: list[DecoderProcess] = []
        self._busy: set[DecoderProcess] = set()
        self._idle_timer: threading.Timer | None = None
        self._stopped = False

    def decode(self, pictures: Pictures) -> npt.NDArray[np.uint8]:
        """(n, height, width, 3), RGB. Blocks: call it in a thread of its own.

        Raises `PictureRefused`, `DecodingUnavailable`.
        """
        size = (pictures.width, pictures.height)
        frames = np.empty((pictures.count, *reversed(size), 3), np.uint8)
        for index, (encoded, header) in enumerate(pictures.images):
            pixels = memoryview(frames[index].reshape(-1))
            try:
                with self._a_process() as process:
                    process.decode(encoded, header, pixels, size, exact=pictures.exact)
            except PictureRefused as refusal:
                refusal.index = index
                raise
        return frames

    def stop(self) -> None:
        """Nothing is decoded any more."""
        with self._lock:
            self._stopped = True
            for process in self._busy:
                process.stop()
        self._end_idle()

    @contextlib.contextmanager
    def _a_process(self) -> Iterator[DecoderProcess]:
        process = self._take()
        try:
            yield process
        except PictureRefused:
            if self._stopped:
                raise DecodingUnavailable("this server is ending") from None
            raise
        finally:
            self._put_back(process)

    def _take(self) -> DecoderProcess:
        with self._lock:
            if self._stopped:
                raise DecodingUnavailable("this server is ending")
            process = self._idle.pop() if self._idle else DecoderProcess(self._limits)
            self._busy.add(process)
            return process

    def _put_back(self, process: DecoderProcess) -> None:
        with self._lock:
            self._busy.discard(process)
            stays = process.usable and not self._stopped
            if stays:
                self._idle.append(process)
                self._wind_up_timer()
        if not stays:
            process.end()

    def _wind_up_timer(self) -> None:
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        self._idle_timer = threading.Timer(self._limits.idle_s, self._end_idle)
        self._idle_timer.daemon = True
        self._idle_timer.start()

    def _end_idle(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
            if self._idle_timer is not None:
                self._idle_timer.cancel()
        for process in idle:
            process.end()
