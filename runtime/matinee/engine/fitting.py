"""Whether a model's weights fit onto the GPU: told from the headers of its files, before they are
read.

Only weights are counted. What a request takes besides depends on its size, and running out of
memory there ends that request alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import torch
from safetensors import safe_open

from matinee.errors import DoesNotFit
from matinee.weights.model_folder import ModelFolder, weight_files

GIB = 2**30


def check_fits(folder: ModelFolder, device: torch.device, dtype: torch.dtype) -> None:
    """Raise `DoesNotFit` with what is missing, and with what would help. On a CPU nobody knows."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        check_numbers(numbers_in(files_of(folder)), free, dtype)


def files_of(folder: ModelFolder) -> Iterator[Path]:
    for name in folder.components:
        if (folder.path / name / "config.json").exists():
            yield from weight_files(folder.path / name)


def numbers_in(files: Iterable[Path]) -> int:
    """Of all tensors."""
    total = 0
    for file in files:
        with safe_open(file, framework="pt") as tensors:
            for name in tensors.keys():  # noqa: SIM118 (it is no mapping)
                total += torch.Size(tensors.get_slice(name).get_shape()).numel()
    return total


def check_numbers(numbers: int, free: int, dtype: torch.dtype) -> None:
    """`free`: bytes."""
    wanted = numbers * dtype.itemsize
    if wanted <= free:
        return
    half = numbers * torch.bfloat16.itemsize
    if dtype.itemsize > torch.bfloat16.itemsize and half <= free:
        remedy = f"engine.dtype bfloat16 would take {half / GIB:.1f} GiB"
    else:
        remedy = "take a GPU with more memory or a smaller model"
    raise DoesNotFit(
        f"the weights take {wanted / GIB:.1f} GiB as {str(dtype).removeprefix('torch.')}, but "
        f"{free / GIB:.1f} GiB are free: {(wanted - free) / GIB:.1f} GiB are missing; {remedy}"
    )
