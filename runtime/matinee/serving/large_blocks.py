"""Memory of long messages goes back to the system when they are freed; that of a computation stays.

glibc keeps what was freed for later, and the more, the larger the blocks were (mallopt(3),
M_MMAP_THRESHOLD): after a few messages of 32 MiB a server of 100 MiB would keep 150 more.
"""

from __future__ import annotations

import ctypes

LARGE_BYTES = 4 * 2**20
"""More than a picture of 1920x1088, which is made and freed all the time."""
MOST_LARGE_BYTES = 32 * 2**20
"""What glibc allows."""
KEPT_BYTES = 512 * 2**20
_M_TRIM_THRESHOLD = -1  # <malloc.h>
_M_MMAP_THRESHOLD = -3


def give_large_blocks_back() -> None:
    """For this process. Does nothing where the C library is not glibc.

    glibc's own ratio of the two thresholds is kept: who sets one stops it from raising the other,
    and every picture that ends the heap would be given back and taken again, page by page.
    """
    _set(large=LARGE_BYTES, kept=2 * LARGE_BYTES)


def keep_large_blocks() -> None:
    """For a process that computes: what a step frees the next one takes again. Given back and taken
    again page by page it costs a step of the bundled model up to 4 % more. As above, else."""
    _set(large=MOST_LARGE_BYTES, kept=KEPT_BYTES)


def _set(large: int, kept: int) -> None:
    """`large`: from so many bytes on a block is given back when it is freed; `kept`: of free memory
    at the heap's end."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, large)
        mallopt(_M_TRIM_THRESHOLD, kept)
