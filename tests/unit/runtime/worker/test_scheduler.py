from __future__ import annotations

from collections import Counter
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from matinee.worker.scheduler import Scheduler


def serve(scheduler: Scheduler, sessions: dict[int, str], turns: int, cost: float = 1.0) -> str:
    """Who was served, turn by turn, when each chunk costs the same."""
    served = ""
    for _ in range(turns):
        job = scheduler.pick()
        assert job is not None
        scheduler.charge(job, cost)
        served += sessions[job]
    return served


def with_jobs(*sessions: str) -> tuple[Scheduler, dict[int, str]]:
    scheduler = Scheduler()
    for job, session in enumerate(sessions):
        scheduler.add(session, job)
    return scheduler, dict(enumerate(sessions))


def jain(shares: list[float]) -> float:
    return sum(shares) ** 2 / (len(shares) * sum(share**2 for share in shares))


def test_nothing_to_do_is_none() -> None:
    assert Scheduler().pick() is None


def test_equal_sessions_take_turns_in_the_order_they_came() -> None:
    scheduler, sessions = with_jobs("a", "b", "c", "d")
    assert serve(scheduler, sessions, 8) == "abcdabcd"


def test_a_session_with_many_jobs_gets_no_more_than_one_with_one() -> None:
    scheduler, sessions = with_jobs("a", "a", "a", "b")
    assert serve(scheduler, sessions, 4) == "abab"


def test_jobs_of_a_session_are_made_first_in_first_out() -> None:
    scheduler, _ = with_jobs("a", "a")
    assert scheduler.pick() == 0
    scheduler.charge(0, 1.0)
    assert scheduler.pick() == 0
    scheduler.remove(0)
    assert scheduler.pick() == 1


def test_a_session_with_costly_chunks_gets_fewer_of_them() -> None:
    scheduler, _ = with_jobs("large", "small")
    chunks = Counter[int]()
    for _ in range(40):
        job = scheduler.pick()
        assert job is not None
        scheduler.charge(job, 3.0 if job == 0 else 1.0)
        chunks[job] += 1
    assert chunks == {0: 10, 1: 30}


def test_a_new_session_neither_waits_for_old_ones_nor_holds_them_up() -> None:
    scheduler, sessions = with_jobs("a", "b")
    serve(scheduler, sessions, 100)
    scheduler.add("new", 2)
    served = serve(scheduler, sessions | {2: "n"}, 9)
    assert Counter(served) == {"a": 3, "b": 3, "n": 3}


def test_a_session_that_comes_back_claims_nothing_for_its_absence() -> None:
    scheduler, sessions = with_jobs("a", "b")
    scheduler.pick()
    scheduler.charge(0, 1.0)
    scheduler.remove(0)
    serve(scheduler, sessions, 50)
    scheduler.add("a", 2)
    assert Counter(serve(scheduler, {1: "b", 2: "a"}, 10)) == {"a": 5, "b": 5}


def test_a_session_that_sends_its_segments_singly_does_not_starve_a_long_one() -> None:
    scheduler = Scheduler()
    scheduler.add("long", 0)
    served = []
    for job in range(1, 41):
        scheduler.add("single", job)
        while True:
            picked = scheduler.pick()
            assert picked is not None
            scheduler.charge(picked, 1.0)
            served.append(picked == 0)
            if picked:
                scheduler.remove(picked)
                break
    assert abs(sum(served) - len(served) / 2) <= 1


def test_a_blocked_session_is_passed_over_and_claims_nothing_afterwards() -> None:
    scheduler, _ = with_jobs("a", "b")
    for _ in range(50):
        assert scheduler.pick(blocked={0}) == 1
        scheduler.charge(1, 1.0)
    assert scheduler.pick(blocked={0, 1}) is None
    assert serve(scheduler, {0: "a", 1: "b"}, 10).count("a") <= 6


def test_newcomers_without_end_do_not_starve_a_session_that_waits() -> None:
    scheduler, _ = with_jobs("old", "new 1")
    served = []
    for job in range(2, 42):  # there is always a newcomer that has had nothing yet
        scheduler.add(f"new {job}", job)
        picked = scheduler.pick()
        assert picked is not None
        scheduler.charge(picked, 1.0)
        served.append(picked == 0)
        if picked:
            scheduler.remove(picked)
    gaps = "".join("o" if old else "." for old in served).strip(".").split("o")
    assert sum(served) >= 5
    assert max(map(len, gaps)) <= len(scheduler)


def test_sessions_that_ended_are_forgotten() -> None:
    scheduler = Scheduler()
    scheduler.add("session 0", 0)
    for job in range(1, 1000):
        scheduler.add(f"session {job}", job)
        assert scheduler.pick() == job - 1
        scheduler.charge(job - 1, 1.0)
        scheduler.remove(job - 1)
    assert len(scheduler) == 1
    assert len(scheduler._sessions) <= 70
    scheduler.remove(999)
    assert not scheduler._sessions


@given(
    st.lists(st.lists(st.floats(0.01, 10.0), min_size=1, max_size=5), min_size=2, max_size=6),
    st.integers(1, 200),
)
def test_service_of_busy_sessions_never_differs_by_more_than_a_chunk(
    costs: list[list[float]], turns: int
) -> None:
    scheduler = Scheduler()
    for job in range(len(costs)):
        scheduler.add(f"session {job}", job)
    service = [0.0] * len(costs)
    chunks = [0] * len(costs)
    largest = max(map(max, costs))
    for _ in range(turns):
        picked = scheduler.pick()
        assert picked is not None
        cost = costs[picked][chunks[picked] % len(costs[picked])]
        scheduler.charge(picked, cost)
        service[picked] += cost
        chunks[picked] += 1
        assert max(service) - min(service) <= largest + 1e-9


def test_four_equal_sessions_with_uneven_timings_are_served_evenly() -> None:
    random = Random(0)  # noqa: S311 - timings, not secrets
    scheduler, _ = with_jobs("a", "b", "c", "d")
    service = [0.0] * 4
    for _ in range(200):
        picked = scheduler.pick()
        assert picked is not None
        cost = random.uniform(0.8, 1.2)
        scheduler.charge(picked, cost)
        service[picked] += cost
    assert jain(service) >= 0.999
