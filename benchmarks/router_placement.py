"""How evenly the router places sessions, without any I/O: 1,000 that arrive on 64 simulated pods of
16 slots, and as many requests of unequal work on pods of one slot, where the time until all are
done is held against the best known for who knows all of them beforehand: the longest first.

The router does not know how long a session will last, and keeps nobody waiting for one who came
later. What the best known needs that keeps that order too, and what is lost by who only counts (as
many on each pod), is in the conditions.

    python benchmarks/router_placement.py
"""

from __future__ import annotations

import heapq
import random
import statistics
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks._report import Figure, report
from matinee.router.placement import Wish, place
from matinee.router.queue import Queue
from matinee.router.table import Address, Table, Thresholds
from matinee_api.contracts.pod_http import Slots

PODS, SLOTS, SESSIONS = 64, 16, 1000
SEEDS = range(20)
SHORTEST_S, LONGEST_S = 5.0, 15.0


def main() -> None:
    spreads = [spread(random.Random(seed)) for seed in SEEDS]  # noqa: S311
    report(
        name="router, 1,000 sessions on 64 pods: most on one above an even share",
        unit="sessions",
        ours=Figure(tuple(spreads)),
        target=1.0,
        conditions={"pods": PODS, "slots": SLOTS, "seeds": len(SEEDS)},
    )
    works = [work(random.Random(seed)) for seed in SEEDS]  # noqa: S311
    longest_first = [sorted(work, reverse=True) for work in works]
    report(
        name="router, 1,000 requests of unequal work on 64 pods: time until all are done",
        unit="s",
        ours=Figure(tuple(map(makespan, works))),
        peer=Figure(tuple(map(least_left, longest_first))),
        target=1.05,
        conditions={
            "work_s": f"{SHORTEST_S:g} to {LONGEST_S:g}",
            "seeds": len(SEEDS),
            "peer": "the longest first, each on the pod with the least work left",
            "that_in_the_order_of_arrival_s": median(map(least_left, works)),
            "as_many_on_each_pod_s": median(map(counted, works)),
        },
    )


def pods(slots: int) -> Table:
    table = Table(Thresholds())
    table.set_addresses(Address(f"http://pod-{index}", f"pod-{index}") for index in range(PODS))
    for backend in table:
        table.succeeded(backend, 0.0, 1.0)
        table.told(backend, slots_of(slots))
    return table


def slots_of(total: int, used: int = 0) -> Slots:
    return Slots(ready=True, draining=False, total=total, used=used, queued=0)


def spread(chance: random.Random) -> float:
    """Sessions arrive, and now and then a pod tells its slots. Raises `RuntimeError` when a pod
    gets more than it has."""
    table, worst = pods(SLOTS), 0.0
    for session in range(SESSIONS):
        backend = place(table, "most-free", Wish("", now=float(session), mean_s=100.0))
        if backend is None:
            raise RuntimeError("there were slots, but nobody got one")
        table.begin(backend, session, float(session))
        loads = [len(one.sessions) for one in table]
        if max(loads) > SLOTS:
            raise RuntimeError("a pod got more sessions than it has slots")
        worst = max(worst, max(loads) - (session + 1) / PODS)
        pod = chance.choice(list(table))
        table.told(pod, slots_of(SLOTS, used=len(pod.sessions)))
    return worst


def work(chance: random.Random) -> list[float]:
    """Of each request, in seconds."""
    return [chance.uniform(SHORTEST_S, LONGEST_S) for _ in range(SESSIONS)]


def makespan(work: Sequence[float]) -> float:
    """With the router's own table, queue and placement."""
    table, queue, now = pods(1), Queue(SESSIONS), 0.0
    places = {queue.join("anybody"): session for session in range(SESSIONS)}
    running: list[tuple[float, int, object]] = []
    while len(queue) or running:
        while queue.places and (backend := place(table, "most-free", Wish("", now))) is not None:
            first = queue.places[0]
            queue.serve(first)
            session = places[first]
            table.begin(backend, session, now)
            heapq.heappush(running, (now + work[session], session, backend))
        now, session, backend = heapq.heappop(running)  # type: ignore[assignment]
        table.end(backend, session)  # type: ignore[arg-type]
    return now


def least_left(work: Iterable[float]) -> float:
    """One after the other, each on the pod that has the least so far."""
    loads = [0.0] * PODS
    for one in work:
        heapq.heapreplace(loads, loads[0] + one)
    return max(loads)


def counted(work: Sequence[float]) -> float:
    """As many on each pod as on any other, whatever work that is."""
    return max(sum(work[pod::PODS]) for pod in range(PODS))


def median(values: Iterable[float]) -> float:
    return round(statistics.median(values), 1)


if __name__ == "__main__":
    main()
