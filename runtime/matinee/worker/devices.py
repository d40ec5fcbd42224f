"""What one worker of several may use: its GPU and its share of the cores."""

from __future__ import annotations

import math
import os
from pathlib import Path

_CPU_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def visible_device(visible: str | None, index: int) -> str:
    """The worker's CUDA_VISIBLE_DEVICES: its entry of the parent's, or its index without one."""
    if visible is None:
        return str(index)
    entries = [entry.strip() for entry in visible.split(",") if entry.strip()]
    return entries[index] if index < len(entries) else ""


def default_threads(cores: int, num_workers: int) -> int:
    return max(1, cores // num_workers)


def usable_cores(quota: Path = _CPU_QUOTA) -> int:
    """Cores this process may run on. A container's CPU limit counts: it does not hide cores, and
    threads beyond it only throttle each other."""
    cores = len(os.sched_getaffinity(0))
    try:
        limit, period = quota.read_text().split()
    except OSError:
        return cores
    if limit == "max":
        return cores
    return max(1, min(cores, math.ceil(int(limit) / int(period))))
