"""Some files at the same time: one connection rarely fills a line."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

from matinee.weights.fetch.files import SourceFile

PARALLEL_FILES = 4
Counted = Callable[[int], None]


class _Stopped(Exception):
    """Raised in the threads that fetch once one of them has failed."""


def fetch_files(
    files: Iterable[SourceFile], one: Callable[[SourceFile, Counted], None], counted: Counted
) -> None:
    """Call `one` for each, the largest first; when it fails for one, the others stop. `counted`
    gets the bytes as they come, and raises what `one` must let through."""
    over = threading.Event()

    def counted_until(count: int) -> None:
        counted(count)
        if over.is_set():
            raise _Stopped

    largest_first = sorted(files, key=lambda file: -file.size_bytes)
    with ThreadPoolExecutor(PARALLEL_FILES, thread_name_prefix="fetch") as pool:
        futures = [pool.submit(one, file, counted_until) for file in largest_first]
        try:
            done, _ = wait(futures, return_when=FIRST_EXCEPTION)
        finally:
            over.set()
            pool.shutdown(wait=False, cancel_futures=True)
    for future in done:
        future.result()
