"""What one worker of several may use: its GPU and its share of the cores."""

from __future__ import annotations

import math
import os
import re
from pathlib import Path

from matinee.errors import BadInput

_CPU_QUOTA = Path("/sys/fs/cgroup/cpu.max")
_GPU_FILE = re.compile(r"nvidia\d+")


def visible_device(visible: str | None, index: int) -> str:
    """The worker's CUDA_VISIBLE_DEVICES: its entry of the parent's, or its index without one."""
    if visible is None:
        return str(index)
    entries = [entry.strip() for entry in visible.split(",") if entry.strip()]
    return entries[index] if index < len(entries) else ""


def gpus_present(visible: str | None, devices: Path = Path("/dev")) -> int:
    """NVIDIA GPUs that workers may use: those named in CUDA_VISIBLE_DEVICES, or all there are."""
    if visible is not None:
        return len([entry for entry in visible.split(",") if entry.strip()])
    return sum(_GPU_FILE.fullmatch(path.name) is not None for path in devices.iterdir())


def check_workers(num_workers: int, device: str, gpus: int) -> None:
    """Raise `BadInput` when some workers would get a GPU and others none: they would compute on the
    CPU, and a session would look different on each. `device`: as in the configuration."""
    if device != "cpu" and 0 < gpus < num_workers:
        raise BadInput(
            "streaming.pool.num_workers",
            f"is {num_workers}, but {gpus} GPU"
            f"{' is' if gpus == 1 else 's are'} visible; give each worker one, "
            "or set generator.engine.device to cpu",
        )


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
