from __future__ import annotations

from pathlib import Path

import pytest

from matinee.worker.devices import default_threads, usable_cores, visible_device


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
