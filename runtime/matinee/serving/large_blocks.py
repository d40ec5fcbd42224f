"""Memory of long messages goes back to the system when they are freed.

glibc keeps what was freed for later, and the more, the larger the blocks were (mallopt(3),
M_MMAP_THRESHOLD): after a few messages of 32 MiB a server of 100 MiB would keep 150 more.
"""

from __future__ import annotations

import ctypes

LARGE_BYTES = 4 * 2**20
"""More than a picture of 1920x1088, which is made and freed all the time."""
_M_MMAP_THRESHOLD = -3  # <malloc.h>


def give_large_blocks_back() -> None:
    """For this process. Does nothing where the C library is not glibc."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, LARGE_BYTES)
