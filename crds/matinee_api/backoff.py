"""How long to wait before something that failed is tried again. Pure; both programs use it."""

from __future__ import annotations

_MOST_DOUBLINGS = 64  # 2.0**1024 overflows, and nobody waits longer


def backoff(n: int, first_s: float, longest_s: float) -> float:
    """Seconds after the `n`-th failure in a row: `first_s`, twice that, ..., `longest_s` at most.

    0 where nothing has failed.
    """
    if n < 1:
        return 0.0
    return min(first_s * 2.0 ** min(n - 1, _MOST_DOUBLINGS), longest_s)
