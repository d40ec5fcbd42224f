"""A short run of `make fuzz`: nonsense by the thousand, and the server is afterwards as it was."""

from __future__ import annotations

from pathlib import Path

from tools.fuzz.run import Plan, fuzz

CASES, ROUTER_CASES = 50_000, 10_000
SEED = 20261123


def test_nothing_that_strangers_send_breaks_the_server(tmp_path: Path) -> None:
    for line in fuzz(Plan(SEED, CASES), tmp_path):
        print(line)  # noqa: T201


def test_nor_a_router_before_it(tmp_path: Path) -> None:
    for line in fuzz(Plan(SEED, ROUTER_CASES, router=True), tmp_path):
        print(line)  # noqa: T201
