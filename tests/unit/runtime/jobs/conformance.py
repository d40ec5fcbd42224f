"""What everything that keeps jobs must do, whatever the medium. A test module gives the fixture
`house`, and imports these.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from matinee.jobs.desk import New
from matinee.jobs.keeping import Keeping
from matinee.jobs.ledger import KeyReused, Once, QueueFull
from matinee.jobs.record import MOST_ATTEMPTS, Failure, Job, Status
from matinee.jobs.retention import QuotaUsedUp
from matinee.jobs.workshop import INPUT, VARIANTS
from tests.unit.runtime.jobs.making import Clock, order

PICTURED = {"input_mime": "image/png"}


class House(Protocol):
    """One medium, and the servers that share it."""

    clock: Clock

    def open(self) -> Keeping:
        """Another server."""
        ...

    def kill(self, desk: Keeping) -> None:
        """As a process that dies leaves it; the others notice it."""
        ...

    def files(self) -> set[tuple[str, str]]:
        """The job of each file, and its name."""
        ...


@pytest.fixture
def desk(house: House) -> Iterator[Keeping]:
    desk = house.open()
    yield desk
    desk.close()


def film(desk: Keeping, job: Job, nbytes: int = 10) -> Path:
    folder = desk.making / job.id
    folder.mkdir()
    for variant in VARIANTS.values():
        (folder / variant.file).write_bytes(b"x" * nbytes)
    return folder


def completed(desk: Keeping, job: Job, nbytes: int = 10) -> bool:
    folder = film(desk, job, nbytes)
    desk.deliver(job.id, folder)
    return desk.complete(job.id, folder)


def made(desk: Keeping, nbytes: int = 10, owner: str = "") -> Job:
    """A job from its order to its end."""
    desk.create(New(order(), owner=owner))
    job = desk.claim()
    assert job is not None
    assert completed(desk, job, nbytes)
    return job


def read(desk: Keeping, job: Job, name: str) -> bytes:
    path = desk.content(job.id, name)
    assert path is not None
    desk.fetch(path)
    return path.read_bytes()


def image_of(desk: Keeping, job: Job) -> bytes:
    path = desk.image(job)
    desk.fetch(path)
    return path.read_bytes()


def seen(desk: Keeping, job: Job) -> Job | None:
    placed = desk.placed(job.id)
    return placed.job if placed else None


def status(desk: Keeping, job: Job) -> Status | None:
    found = seen(desk, job)
    return found.status if found else None


def jobs_with_files(house: House) -> set[str]:
    return {job_id for job_id, _ in house.files()}


def ids(*jobs: Job | None) -> list[str | None]:
    return [job.id if job else None for job in jobs]


def upload(desk: Keeping) -> Path:
    file = desk.making / "upload"
    file.write_bytes(b"png")
    return file


def test_jobs_are_taken_in_the_order_in_which_they_came(desk: Keeping) -> None:
    first, second = desk.create(New(order())), desk.create(New(order()))
    placed = desk.placed(second.id)
    assert placed is not None
    assert placed.ahead == 1
    assert desk.counts() == (2, 0)
    assert ids(desk.claim(), desk.claim(), desk.claim()) == [first.id, second.id, None]
    assert desk.counts() == (0, 2)


def test_a_job_is_there_with_its_files_or_without_them(desk: Keeping) -> None:
    job = made(desk, nbytes=10)
    found = seen(desk, job)
    assert found is not None
    assert (found.status, found.progress, found.nbytes) == (Status.COMPLETED, 100, 40)
    for variant in VARIANTS.values():
        assert read(desk, job, variant.file) == b"x" * 10
    waiting = desk.create(New(order()))
    assert desk.content(waiting.id, "video.mp4") is None
    assert desk.content("video_of_nobody", "video.mp4") is None


def test_what_is_deleted_leaves_nothing_and_is_made_no_further(house: House, desk: Keeping) -> None:
    job = desk.create(New(order()))
    assert desk.claim() is not None
    assert desk.advance(job.id, 10)
    assert desk.delete(job.id)
    assert not desk.advance(job.id, 20)
    assert not completed(desk, job)
    assert not desk.delete(job.id)
    done = made(desk)
    assert desk.delete(done.id)
    assert house.files() == set()


def test_a_full_queue_takes_no_more_until_one_is_taken(desk: Keeping) -> None:
    for _ in range(3):
        desk.create(New(order()))
    with pytest.raises(QueueFull):
        desk.create(New(order()))
    desk.claim()
    desk.create(New(order()))


def test_an_owner_has_a_part_of_the_queue_and_so_many_bytes(house: House, desk: Keeping) -> None:
    hers = [desk.create(New(order(), owner="alice")) for _ in range(2)]
    with pytest.raises(QueueFull):
        desk.create(New(order(), owner="alice"))
    desk.create(New(order(), owner="bob"))
    desk.claim()
    hers.append(desk.create(New(order(), owner="alice")))
    for job in hers:
        desk.delete(job.id)
    desk.claim()
    large = made(desk, nbytes=40, owner="alice")
    with pytest.raises(QuotaUsedUp):
        desk.create(New(order(), owner="alice"))
    desk.create(New(order(), owner="bob"))
    desk.delete(large.id)
    desk.create(New(order(), owner="alice"))


def test_an_owner_sees_pages_of_her_own(desk: Keeping) -> None:
    first, his = desk.create(New(order(), owner="alice")), desk.create(New(order(), owner="bob"))
    second = desk.create(New(order(), owner="alice"))
    assert ids(*desk.page(None, 9, "asc", "alice")) == [first.id, second.id]
    assert ids(*desk.page(second.id, 9, "desc", "alice")) == [first.id]
    assert ids(*desk.page(None, 9, "desc", "carol")) == []
    assert len(desk.page(None, 9, "desc", "")) == 3
    with pytest.raises(KeyError):
        desk.page(his.id, 9, "asc", "alice")


def test_the_same_request_twice_is_one_job(house: House, desk: Keeping) -> None:
    once = Once("key", "a ball")
    first = desk.create(New(order(), once=once))
    for _ in range(5):  # a full queue is no reason either
        assert desk.create(New(order(), once=once)).id == first.id
    with pytest.raises(KeyReused):
        desk.create(New(order(), once=Once("key", "a cube")))
    desk.delete(first.id)
    assert desk.create(New(order(), once=once)).id != first.id


def test_an_image_belongs_to_its_job_and_to_the_remix_of_it(house: House, desk: Keeping) -> None:
    asked = order().model_copy(update=PICTURED)
    source = desk.create(New(asked, upload(desk)))
    remix = desk.create(New(asked.model_copy(update={"remixed_from": source.id})))
    desk.delete(source.id)
    assert image_of(desk, remix) == b"png"
    assert house.files() == {(remix.id, INPUT)}


def test_an_image_of_a_refused_order_is_not_kept(house: House, desk: Keeping) -> None:
    for _ in range(3):
        desk.create(New(order()))
    with pytest.raises(QueueFull):
        desk.create(New(order().model_copy(update=PICTURED), upload(desk)))
    assert house.files() == set()


@pytest.mark.parametrize("direction", ["asc", "desc"])
def test_pages_follow_each_other_without_gap(desk: Keeping, direction: str) -> None:
    made = [desk.create(New(order())).id for _ in range(3)]
    made = made if direction == "asc" else made[::-1]
    found: list[str] = []
    while page := desk.page(found[-1] if found else None, 2, direction, ""):  # type: ignore[arg-type]
        found += [job.id for job in page]
    assert found == made
    with pytest.raises(KeyError):
        desk.page("video_of_nobody", 2, "asc", "")


def test_finished_jobs_go_when_their_time_is_up(house: House, desk: Keeping) -> None:
    old = made(desk)
    house.clock.now += 60
    newer = made(desk)
    house.clock.now += 60
    desk.tidy()
    assert (status(desk, old), status(desk, newer)) == (None, Status.COMPLETED)
    assert jobs_with_files(house) == {newer.id}


def test_finished_jobs_go_when_there_is_no_room(house: House, desk: Keeping) -> None:
    jobs = []
    for _ in range(3):
        jobs.append(made(desk, nbytes=2**20 // 8))
        house.clock.now += 1
    assert [status(desk, job) for job in jobs] == [None, Status.COMPLETED, Status.COMPLETED]


def test_a_failed_job_tells_why(house: House, desk: Keeping) -> None:
    job = desk.create(New(order()))
    desk.claim()
    desk.fail(job.id, Failure(code="worker_died", message="a worker died of it"))
    found = seen(desk, job)
    assert found is not None
    assert (found.status, found.failure and found.failure.code) == (Status.FAILED, "worker_died")


# Several servers, and their death


def test_all_servers_answer_alike(house: House, desk: Keeping) -> None:
    other = house.open()
    first = made(desk)
    waiting = other.create(New(order()))
    for one in (desk, other):
        assert ids(*one.page(None, 9, "asc", "")) == [first.id, waiting.id]
        assert read(one, first, "video.mp4") == b"x" * 10
    assert other.delete(first.id)
    assert desk.content(first.id, "video.mp4") is None
    other.close()


def test_a_server_that_ends_lets_another_go_on(house: House) -> None:
    ending, other = house.open(), house.open()
    job = ending.create(New(order()))
    ending.claim()
    ending.advance(job.id, 50)
    ending.close()
    taken = other.claim()
    assert taken is not None
    assert (taken.id, taken.progress, taken.attempts) == (job.id, 50, 1)
    other.close()


def test_what_lives_is_left_alone(house: House) -> None:
    working = house.open()
    job = working.create(New(order()))
    working.claim()
    folder = film(working, job)
    other = house.open()
    other.tidy()
    assert status(other, job) is Status.IN_PROGRESS
    working.deliver(job.id, folder)
    other.tidy()
    assert working.renew() == set()
    assert working.complete(job.id, folder)
    assert other.content(job.id, "video.mp4") is not None
    working.close()
    other.close()


def brought_to(moment: str, desk: Keeping) -> Job:
    """A moment of a job's life."""
    job = desk.create(New(order().model_copy(update=PICTURED), upload(desk)))
    if moment == "it was taken":
        return job
    desk.claim()
    if moment == "a picture was made":
        return job
    folder = film(desk, job)
    if moment == "its files were put in place":
        return job
    desk.deliver(job.id, folder)
    return job


MOMENTS = ["it was taken", "a picture was made", "its files were put in place", "it was completed"]


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_job_of_a_dead_server_is_made_again_and_nothing_is_left_over(
    house: House, moment: str
) -> None:
    dying = house.open()
    job = brought_to(moment, dying)
    house.kill(dying)
    heir = house.open()
    heir.tidy()
    assert status(heir, job) is Status.QUEUED
    assert image_of(heir, job) == b"png"
    taken = heir.claim()
    assert taken is not None
    assert completed(heir, taken)
    assert house.files() == {(job.id, name) for name in (INPUT, *_files())}
    heir.close()


def _files() -> list[str]:
    return [variant.file for variant in VARIANTS.values()]


def test_a_job_that_kills_its_servers_fails_with_the_reason(house: House) -> None:
    desk = house.open()
    job = desk.create(New(order()))
    for _ in range(MOST_ATTEMPTS):
        assert desk.claim() is not None
        house.kill(desk)
        desk = house.open()
        desk.tidy()
    found = seen(desk, job)
    assert found is not None
    assert found.failure is not None
    assert found.failure.code == "server_died"
    desk.close()
