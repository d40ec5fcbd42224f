from __future__ import annotations

from pathlib import Path

import pytest

from matinee.errors import BadInput
from matinee.worker.devices import (
    check_workers,
    default_threads,
    gpus_present,
    usable_cores,
    visible_device,
)


@pytest.mark.parametrize(
    ("visible", "index", "expected"),
    [
        (None, 1, "1"),
        ("2,3", 1, "3"),
        ("MIG-a, MIG-b", 1, "MIG-b"),
        ("", 0, ""),
        ("2", 1, ""),
    ],
)
def test_each_worker_sees_its_own_entry(visible: str | None, index: int, expected: str) -> None:
    assert visible_device(visible, index) == expected


@pytest.mark.parametrize(
    ("visible", "files", "gpus"),
    [
        (None, ["nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm", "null"], 2),
        (None, ["null"], 0),
        ("1", ["nvidia0", "nvidia1"], 1),
        ("MIG-a,MIG-b", ["nvidia0"], 2),
        ("", ["nvidia0"], 0),
    ],
)
def test_gpus_are_those_that_are_named_or_all_there_are(
    visible: str | None, files: list[str], gpus: int, tmp_path: Path
) -> None:
    for name in files:
        (tmp_path / name).touch()
    assert gpus_present(visible, tmp_path) == gpus


@pytest.mark.parametrize(
    ("workers", "device", "gpus"), [(2, "auto", 2), (2, "auto", 0), (3, "cpu", 1)]
)
def test_workers_that_all_compute_on_the_same_kind_of_device_are_fine(
    workers: int, device: str, gpus: int
) -> None:
    check_workers(workers, device, gpus)


@pytest.mark.parametrize("device", ["auto", "cuda"])
def test_a_worker_without_a_gpu_beside_one_that_has_one_is_refused(device: str) -> None:
    with pytest.raises(BadInput, match="num_workers is 2, but 1 GPU is visible") as told:
        check_workers(2, device, 1)
    assert told.value.param == "streaming.pool.num_workers"


@pytest.mark.parametrize(("cores", "workers", "threads"), [(8, 2, 4), (2, 4, 1), (3, 2, 1)])
def test_workers_share_the_cores(cores: int, workers: int, threads: int) -> None:
    assert default_threads(cores, workers) == threads


@pytest.mark.parametrize(("quota", "at_most"), [("100000 100000\n", 1), ("50000 100000\n", 1)])
def test_a_containers_limit_counts(tmp_path: Path, quota: str, at_most: int) -> None:
    limit = tmp_path / "cpu.max"
    limit.write_text(quota)
    assert usable_cores(limit) == at_most


def test_without_a_limit_all_cores_count(tmp_path: Path) -> None:
    unlimited = tmp_path / "cpu.max"
    unlimited.write_text("max 100000\n")
    assert usable_cores(unlimited) == usable_cores(tmp_path / "none") >= 1
