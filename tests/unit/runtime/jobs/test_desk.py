from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from matinee.jobs.desk import Desk, New
from matinee.jobs.ledger import KeyReused, Once, QueueFull
from matinee.jobs.record import MOST_ATTEMPTS, Failure, Job, Status
from matinee.jobs.workshop import VARIANTS
from tests.unit.runtime.jobs.making import Clock, desk_of, order


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def desk(tmp_path: Path, clock: Clock) -> Iterator[Desk]:
    desk = desk_of(tmp_path, clock)
    yield desk
    desk.close()


def killed(desk: Desk) -> None:
    """As a process that dies leaves it: open files and locks are gone, all else stays."""
    desk.ledger.close()
    desk.workshop._let_go()


def film(desk: Desk, job: Job, nbytes: int = 10) -> Path:
    folder = desk.workshop.making / job.id
    folder.mkdir()
    for variant in VARIANTS.values():
        (folder / variant.file).write_bytes(b"x" * nbytes)
    return folder


def made(desk: Desk, nbytes: int = 10) -> Job:
    """A job from its order to its end."""
    desk.create(New(order()))
    job = desk.claim()
    assert job is not None
    assert desk.complete(job.id, film(desk, job, nbytes))
    return job


def status(desk: Desk, job: Job) -> Status | None:
    found = desk.ledger.job(job.id)
    return found.status if found else None


def files(folder: Path) -> set[str]:
    return {str(file.relative_to(folder / "files")) for file in (folder / "files").rglob("*.*")}


def test_jobs_are_taken_in_the_order_in_which_they_came(desk: Desk) -> None:
    first, second = desk.create(New(order())), desk.create(New(order()))
    placed = desk.ledger.placed(second.id)
    assert placed is not None
    assert placed.ahead == 1
    assert [taken and taken.id for taken in (desk.claim(), desk.claim(), desk.claim())] == [
        *(first.id, second.id),
        None,
    ]


def test_a_job_is_there_with_its_files_or_without_them(desk: Desk, tmp_path: Path) -> None:
    job = made(desk, nbytes=10)
    found = desk.ledger.job(job.id)
    assert found is not None
    assert (found.status, found.progress, found.nbytes) == (Status.COMPLETED, 100, 40)
    paths = [desk.content(job.id, variant.file) for variant in VARIANTS.values()]
    assert all(path is not None and path.read_bytes() == b"x" * 10 for path in paths)
    waiting = desk.create(New(order()))
    assert desk.content(waiting.id, "video.mp4") is None
    assert desk.content("video_of_nobody", "video.mp4") is None


def test_what_is_deleted_leaves_nothing_and_is_made_no_further(desk: Desk, tmp_path: Path) -> None:
    job = desk.create(New(order()))
    assert desk.claim() is not None
    assert desk.advance(job.id, 10)
    assert desk.delete(job.id)
    assert not desk.advance(job.id, 20)
    assert not desk.complete(job.id, film(desk, job))
    assert not desk.delete(job.id)
    done = made(desk)
    assert desk.delete(done.id)
    assert files(tmp_path) == set()


def test_a_full_queue_takes_no_more_until_one_is_taken(desk: Desk) -> None:
    for _ in range(3):
        desk.create(New(order()))
    with pytest.raises(QueueFull):
        desk.create(New(order()))
    desk.claim()
    desk.create(New(order()))


def test_the_same_request_twice_is_one_job(desk: Desk) -> None:
    once = Once("key", "a ball")
    first = desk.create(New(order(), once=once))
    for _ in range(5):  # a full queue is no reason either
        assert desk.create(New(order(), once=once)).id == first.id
    with pytest.raises(KeyReused):
        desk.create(New(order(), once=Once("key", "a cube")))
    desk.delete(first.id)
    assert desk.create(New(order(), once=once)).id != first.id


def test_an_image_belongs_to_its_job_and_to_the_remix_of_it(desk: Desk, tmp_path: Path) -> None:
    upload = desk.workshop.making / "upload"
    upload.write_bytes(b"png")
    asked = order().model_copy(update={"input_mime": "image/png"})
    source = desk.create(New(asked, upload))
    assert not upload.exists()
    remix = desk.create(New(asked.model_copy(update={"remixed_from": source.id})))
    desk.delete(source.id)
    assert desk.workshop.file(remix.id, "input").read_bytes() == b"png"


@pytest.mark.parametrize("direction", ["asc", "desc"])
def test_pages_follow_each_other_without_gap(desk: Desk, direction: str) -> None:
    ids = [desk.create(New(order())).id for _ in range(3)]
    ids = ids if direction == "asc" else ids[::-1]
    seen: list[str] = []
    while page := desk.ledger.page(seen[-1] if seen else None, 2, direction):  # type: ignore[arg-type]
        seen += [job.id for job in page]
    assert seen == ids
    with pytest.raises(KeyError):
        desk.ledger.page("video_of_nobody", 2, "asc")


def test_finished_jobs_go_when_their_time_is_up(desk: Desk, clock: Clock, tmp_path: Path) -> None:
    old = made(desk)
    clock.now += 60
    newer = made(desk)
    clock.now += 60
    desk.tidy()
    assert (status(desk, old), status(desk, newer)) == (None, Status.COMPLETED)
    assert {name.partition("/")[0] for name in files(tmp_path)} == {newer.id}


def test_finished_jobs_go_when_there_is_no_room(desk: Desk, clock: Clock) -> None:
    jobs = []
    for _ in range(3):
        jobs.append(made(desk, nbytes=2**20 // 8))
        clock.now += 1
    assert [status(desk, job) for job in jobs] == [None, Status.COMPLETED, Status.COMPLETED]


# Several servers, and their death


def test_a_server_that_ends_lets_another_go_on(tmp_path: Path, clock: Clock) -> None:
    ending, other = desk_of(tmp_path, clock), desk_of(tmp_path, clock)
    job = ending.create(New(order()))
    ending.claim()
    ending.advance(job.id, 50)
    ending.close()
    taken = other.claim()
    assert taken is not None
    assert (taken.id, taken.progress, taken.attempts) == (job.id, 50, 1)
    other.close()


def test_what_lives_is_left_alone(tmp_path: Path, clock: Clock) -> None:
    working = desk_of(tmp_path, clock)
    job = working.create(New(order()))
    working.claim()
    folder = film(working, job)
    other = desk_of(tmp_path, clock)
    other.tidy()
    assert status(other, job) is Status.IN_PROGRESS
    assert folder.exists()
    assert working.complete(job.id, folder)
    assert other.content(job.id, "video.mp4") is not None
    working.close()
    other.close()


def killed_before(moment: str, desk: Desk) -> Job:
    """A server dies at a moment of a job's life."""
    upload = desk.workshop.making / "upload"
    upload.write_bytes(b"png")
    job = desk.create(New(order(), upload))
    if moment == "it was taken":
        return job
    desk.claim()
    if moment == "a picture was made":
        return job
    folder = film(desk, job)
    if moment == "its files were put in place":
        return job
    desk.workshop.put_in_place(job.id, folder)
    return job


@pytest.mark.parametrize(
    "moment",
    ["it was taken", "a picture was made", "its files were put in place", "it was completed"],
)
def test_a_job_of_a_dead_server_is_made_again_and_nothing_is_left_over(
    tmp_path: Path, clock: Clock, moment: str
) -> None:
    dying = desk_of(tmp_path, clock)
    job = killed_before(moment, dying)
    killed(dying)
    heir = desk_of(tmp_path, clock)
    assert status(heir, job) is Status.QUEUED
    assert files(tmp_path) == set()
    assert heir.workshop.file(job.id, "input").read_bytes() == b"png"
    assert [folder.name for folder in (tmp_path / "making").iterdir()] == [heir.workshop.holder]
    taken = heir.claim()
    assert taken is not None
    assert heir.complete(taken.id, film(heir, taken))
    assert len(files(tmp_path)) == len(VARIANTS)
    heir.close()
    assert list((tmp_path / "holders").iterdir()) == []


def test_an_upload_without_a_job_is_swept(tmp_path: Path, clock: Clock) -> None:
    dying = desk_of(tmp_path, clock)
    (dying.workshop.making / "upload").write_bytes(b"png")
    dying.workshop.take_input("video_of_nobody", dying.workshop.making / "upload")
    killed(dying)
    desk_of(tmp_path, clock).close()
    assert list((tmp_path / "files").iterdir()) == []


def test_a_job_that_kills_its_servers_fails_with_the_reason(tmp_path: Path, clock: Clock) -> None:
    desk = desk_of(tmp_path, clock)
    job = desk.create(New(order()))
    for _ in range(MOST_ATTEMPTS):
        assert desk.claim() is not None
        killed(desk)
        desk = desk_of(tmp_path, clock)
    found = desk.ledger.job(job.id)
    assert found is not None
    assert found.failure is not None
    assert found.failure.code == "server_died"
    desk.close()


def test_a_failed_job_tells_why(desk: Desk) -> None:
    job = desk.create(New(order()))
    desk.claim()
    desk.fail(job.id, Failure(code="worker_died", message="a worker died of it"))
    found = desk.ledger.job(job.id)
    assert found is not None
    assert (found.status, found.failure and found.failure.code) == (Status.FAILED, "worker_died")
