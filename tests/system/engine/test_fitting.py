from __future__ import annotations

from pathlib import Path

import pytest
import torch

from matinee.engine.fitting import GIB, check_fits, check_numbers, files_of, numbers_in
from matinee.errors import DoesNotFit
from matinee.weights.model_folder import inspect_folder
from tests.system.engine.untrained import untrained_pipeline


def test_weights_are_counted_without_loading_them(model_folder: Path) -> None:
    parts = untrained_pipeline().components
    modules = [part for part in parts.values() if isinstance(part, torch.nn.Module)]
    stored = {id(tensor): tensor for each in modules for tensor in each.state_dict().values()}
    distinct = {tensor.data_ptr(): tensor.numel() for tensor in stored.values()}
    folder = inspect_folder(model_folder)
    assert numbers_in(files_of(folder)) == sum(distinct.values())
    check_fits(folder, torch.device("cpu"), torch.float32)


@pytest.mark.parametrize(
    ("free_gib", "dtype", "says"),
    [
        (50, torch.float32, "56.0 GiB as float32, but 50.0 GiB are free: 6.0 GiB are missi"),
        (50, torch.float32, "engine.dtype bfloat16 would take 28.0 GiB"),
        (20, torch.bfloat16, "take a GPU with more memory or a smaller model"),
    ],
)
def test_what_does_not_fit_is_told_with_what_is_missing_and_what_helps(
    free_gib: int, dtype: torch.dtype, says: str
) -> None:
    with pytest.raises(DoesNotFit, match=says):
        check_numbers(14 * GIB, free_gib * GIB, dtype)


def test_what_just_fits_is_loaded() -> None:
    check_numbers(14 * GIB, 28 * GIB, torch.bfloat16)
