from __future__ import annotations

from prometheus_client import generate_latest

from matinee.router.queue import Queue
from matinee.router.table import Address, Table, Thresholds
from matinee.router.tally import Tally


def addresses(*names: str) -> list[Address]:
    return [Address(f"http://{name}", name) for name in names]


def told(tally: Tally) -> list[str]:
    lines = generate_latest(tally.registry).decode().splitlines()
    return [line for line in lines if line.startswith("matinee_router_placements_total")]


def test_placements_on_backends_that_are_gone_are_told_no_more() -> None:
    table = Table(Thresholds())
    tally = Tally(table, Queue(1))
    table.set_addresses(addresses("a", "b"))
    for name in ("a", "b", "b"):
        tally.placed(name)
    assert told(tally) == [
        'matinee_router_placements_total{backend="a"} 1.0',
        'matinee_router_placements_total{backend="b"} 2.0',
    ]
    table.set_addresses(addresses("b"))
    assert told(tally) == ['matinee_router_placements_total{backend="b"} 2.0']


def test_a_thousand_pods_that_came_and_went_are_not_kept_where_nobody_reads() -> None:
    table = Table(Thresholds())
    tally = Tally(table, Queue(1))
    for number in range(1000):
        table.set_addresses(addresses(f"pod-{number}"))
        tally.placed(f"pod-{number}")
        assert len(tally.placements) <= 2
