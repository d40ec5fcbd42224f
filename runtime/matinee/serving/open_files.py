"""Files that the process may have open: connections are such files, and must leave some for us."""

from __future__ import annotations

import resource

OURS = 160
"""Files of our own: pipes to workers, stores, logs, libraries. A server with one worker has 30."""


def connections_that_fit(wanted: int) -> int:
    """Raises the process's limit as far as it may; at least 8."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = hard == resource.RLIM_INFINITY
    most = wanted + OURS if unlimited else min(hard, max(wanted + OURS, soft))
    if soft != resource.RLIM_INFINITY and most > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return max(8, min(wanted, most - OURS))
