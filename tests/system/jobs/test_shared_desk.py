"""Jobs in a real Redis or Valkey and a shared folder: what everything that keeps jobs must do, and
what only these can."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from matinee.errors import StoreUnavailable
from matinee.jobs.desk import New
from matinee.jobs.ledger import Once
from matinee.jobs.record import Status
from matinee.jobs.redis_ledger import COMING_MS
from matinee.jobs.shared_desk import SWEEP_EVERY_S
from matinee.jobs.workshop import INPUT, VARIANTS
from tests.servers.redis_server import RedisServer, redis_server
from tests.system.jobs.sharing import LEASE_S, Shared
from tests.unit.runtime.jobs.conformance import *  # noqa: F403
from tests.unit.runtime.jobs.conformance import (
    PICTURED,
    completed,
    film,
    made,
    seen,
    status,
    upload,
)
from tests.unit.runtime.jobs.making import QUOTA, order

pytestmark = pytest.mark.redis


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def house(server: RedisServer, tmp_path: Path) -> Iterator[Shared]:
    with closing(Shared(server.url, tmp_path)) as house:
        yield house


def test_a_server_that_was_paused_cannot_publish_what_it_made(house: Shared) -> None:
    paused, heir = house.open(), house.open()
    job = paused.create(New(order()))
    paused.claim()
    folder = film(paused, job, nbytes=1)
    house.clock.now += LEASE_S
    heir.tidy()
    taken = heir.claim()
    assert taken is not None
    paused.deliver(job.id, folder)  # it wakes up, while the other makes it
    assert not paused.complete(job.id, folder)
    assert completed(heir, taken, nbytes=2)
    path = paused.content(job.id, "video.mp4")
    assert path is not None
    assert path.read_bytes() == b"xx"
    assert len(house.files()) == len(VARIANTS)


def test_who_wakes_up_after_its_job_was_made_by_another_changes_nothing(house: Shared) -> None:
    paused, heir = house.open(), house.open()
    job = paused.create(New(order()))
    paused.claim()
    folder = film(paused, job, nbytes=1)
    house.clock.now += LEASE_S
    heir.tidy()
    taken = heir.claim()
    assert taken is not None
    assert completed(heir, taken, nbytes=2)
    before = house.files()
    assert paused.renew() == {job.id}
    paused.deliver(job.id, folder)
    assert not paused.complete(job.id, folder)
    assert not paused.advance(job.id, 50)
    assert house.files() == before
    assert status(paused, job) is Status.COMPLETED


def test_a_lease_that_is_renewed_lasts(house: Shared) -> None:
    working, other = house.open(), house.open()
    job = working.create(New(order()))
    working.claim()
    for _ in range(3):
        house.clock.now += LEASE_S - 1
        assert working.renew() == set()
        other.tidy()
    assert completed(working, job)


def test_what_was_done_already_may_be_asked_again(house: Shared) -> None:
    """A connection broke before the answer: the same question comes twice."""
    ledger = house.ledger()
    desk = house.open()
    job = desk.create(New(order(), once=Once("key", "a ball")))
    ledger.add(job, Once("key", "a ball"), QUOTA, files=False)
    assert desk.counts() == (1, 0)
    held = ledger.claim()
    assert held is not None
    ended = held.job.model_copy(update={"status": Status.COMPLETED, "nbytes": 7})
    assert ledger.put(ended, held.fence)
    assert ledger.put(ended, held.fence)
    assert not ledger.put(held.job, held.fence)
    assert desk.counts() == (0, 0)


def test_a_claim_whose_answer_was_lost_is_given_to_another(house: Shared) -> None:
    ledger, desk = house.ledger(), house.open()
    job = desk.create(New(order()))
    assert ledger.claim() is not None
    house.clock.now += LEASE_S
    desk.tidy()
    taken = desk.claim()
    assert taken is not None
    assert (taken.id, taken.attempts) == (job.id, 1)


def test_files_of_nobody_are_swept_and_those_on_their_way_are_not(house: Shared) -> None:
    desk = house.open()
    desk.tidy()
    kept = made(desk)
    image = upload(desk)
    late, dead = (f"video_{digit * 32}" for digit in "12")
    for job_id in (late, dead):
        house.results.put(job_id, INPUT, INPUT, image)
    house.results.put(kept.id, "1", "video.mp4", image)  # of a server that died later
    (house.folder / "results" / "lost+found").mkdir()
    house.clock.now += SWEEP_EVERY_S
    kept_again = made(desk)
    house.ledger().coming(late)
    desk.tidy()
    assert {job_id for job_id, _ in house.files()} == {kept_again.id, late}
    house.clock.now += max(SWEEP_EVERY_S, COMING_MS / 1000)
    desk.tidy()
    assert late not in {job_id for job_id, _ in house.files()}


def test_an_order_whose_image_came_too_late_is_refused(house: Shared) -> None:
    ledger, desk = house.ledger(), house.open()
    job = desk.create(New(order()))
    other = job.model_copy(update={"id": f"video_{'3' * 32}"})
    ledger.coming(other.id)
    house.clock.now += COMING_MS / 1000
    with pytest.raises(StoreUnavailable):
        ledger.add(other, None, QUOTA, files=True)
    assert seen(desk, other) is None


def test_lists_of_other_names_are_others(house: Shared, tmp_path: Path) -> None:
    desk = house.open()
    job = desk.create(New(order().model_copy(update=PICTURED), upload(desk)))
    with closing(Shared(house.url, tmp_path)) as other:
        stranger = other.open()
        assert stranger.claim() is None
        assert seen(stranger, job) is None


def test_without_the_server_nothing_is_answered_and_what_is_made_goes_on(tmp_path: Path) -> None:
    with redis_server(tmp_path) as server:
        house = Shared(server.url, tmp_path)
        desk = house.open()
        job = desk.create(New(order()))
        desk.claim()
        server.stop()
        for ask in (desk.claim, desk.counts, desk.tidy, desk.renew):
            with pytest.raises(StoreUnavailable):
                ask()
        assert desk.advance(job.id, 50)
        with pytest.raises(StoreUnavailable):
            completed(desk, job)
    with redis_server(tmp_path):  # which has forgotten everything
        folder = desk.making / job.id
        assert not desk.complete(job.id, folder)
        assert house.files() == set()
        desk.close()
