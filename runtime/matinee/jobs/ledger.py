"""The list of jobs in SQLite: every change is one transaction, so a killed process changes nothing
or all of it. Synchronous: one thread of a process calls it.

Several processes may open the same file. A transaction that writes is also the lock over the
folders of the jobs: files are put in place and swept within one (`workshop.py`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from matinee.jobs.record import Job, Status
from matinee.jobs.retention import Finished

BUSY_S = 5.0
"""How long a transaction waits for another process's."""
SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    status TEXT NOT NULL,
    holder TEXT NOT NULL,
    ended_at REAL,
    nbytes INTEGER NOT NULL,
    idempotency_key TEXT UNIQUE,
    fingerprint TEXT,
    record TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS jobs_of_a_status ON jobs (status, seq);
"""
OWNED = "json_extract(record, '$.owner')"

Direction = Literal["asc", "desc"]


class QueueFull(Exception):
    """As many jobs wait as may wait."""


class KeyReused(Exception):
    """Another request had the same idempotency key."""


@dataclass(frozen=True, slots=True)
class Once:
    """A request that is to have its effect once, however often it comes. `fingerprint`: of all that
    it asks."""

    key: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Placed:
    """A job, and how many wait before it."""

    job: Job
    ahead: int


class Ledger:
    """Raises `sqlite3.Error` for whatever the disk does."""

    def __init__(self, file: Path) -> None:
        file.touch(0o600)  # prompts are for nobody else; SQLite gives its other files the same mode
        self._db = sqlite3.connect(
            file, timeout=BUSY_S, isolation_level=None, check_same_thread=False
        )
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.executescript(SCHEMA)

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """A transaction, alone among all processes. What raises within undoes it."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    # Reading

    def job(self, job_id: str) -> Job | None:
        return next(self._jobs("WHERE id = ?", job_id), None)

    def placed(self, job_id: str) -> Placed | None:
        job = self.job(job_id)
        if job is None:
            return None
        ahead = 0
        if job.status is Status.QUEUED:
            before = "status = ? AND seq < (SELECT seq FROM jobs WHERE id = ?)"
            ahead = self._count(before, Status.QUEUED, job_id)
        return Placed(job, ahead)

    def made_for(self, key: str) -> tuple[Job, str] | None:
        """The job of an idempotency key, and its fingerprint."""
        found = self._db.execute(
            "SELECT record, fingerprint FROM jobs WHERE idempotency_key = ?", (key,)
        ).fetchone()
        return (Job.model_validate_json(found[0]), found[1]) if found else None

    def page(
        self, after: str | None, limit: int, direction: Direction, owner: str = ""
    ) -> list[Job]:
        """In the order in which they came; of an owner, or all. Raises `KeyError` when `after` is
        none of them."""
        newest_first = direction == "desc"
        ordered = f"ORDER BY seq {'DESC' if newest_first else 'ASC'} LIMIT ?"
        whose, values = (f"{OWNED} = ?", [owner]) if owner else ("TRUE", [])
        if after is None:
            return list(self._jobs(f"WHERE {whose} {ordered}", *values, limit))
        found = self._db.execute(
            f"SELECT seq FROM jobs WHERE id = ? AND {whose}",  # noqa: S608 - ours
            (after, *values),
        ).fetchone()
        if found is None:
            raise KeyError(after)
        beyond = f"seq {'<' if newest_first else '>'} ?"
        return list(self._jobs(f"WHERE {beyond} AND {whose} {ordered}", found[0], *values, limit))

    def waiting(self, owner: str = "") -> int:
        """Of an owner, or all."""
        if owner:
            return self._count(f"status = ? AND {OWNED} = ?", Status.QUEUED, owner)
        return self._count("status = ?", Status.QUEUED)

    def being_made(self) -> int:
        return self._count("status = ?", Status.IN_PROGRESS)

    def nbytes_of(self, owner: str) -> int:
        """Of the files of all its jobs."""
        summed = self._db.execute(
            f"SELECT COALESCE(SUM(nbytes), 0) FROM jobs WHERE {OWNED} = ?",  # noqa: S608 - ours
            (owner,),
        )
        return int(summed.fetchone()[0])

    def finished(self) -> list[Finished]:
        rows = self._db.execute("SELECT id, ended_at, nbytes FROM jobs WHERE ended_at IS NOT NULL")
        return [Finished(*row) for row in rows]

    def ids(self) -> dict[str, bool]:
        """All, and whether each is completed."""
        rows = self._db.execute("SELECT id, status FROM jobs")
        return {job_id: status == Status.COMPLETED for job_id, status in rows}

    def holders(self) -> set[str]:
        """Servers that make a job, or did when they died."""
        rows = self._db.execute(
            "SELECT DISTINCT holder FROM jobs WHERE status = ?", (Status.IN_PROGRESS,)
        )
        return {holder for (holder,) in rows}

    # Changing, within `writing`

    def add(self, job: Job, once: Once | None = None) -> None:
        columns = "id, status, holder, ended_at, nbytes, record, idempotency_key, fingerprint"
        key = (once.key, once.fingerprint) if once else (None, None)
        self._db.execute(
            f"INSERT INTO jobs ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - ours
            (job.id, *_columns(job), *key),
        )

    def first_waiting(self) -> Job | None:
        return next(self._jobs("WHERE status = ? ORDER BY seq LIMIT 1", Status.QUEUED), None)

    def put(self, job: Job) -> None:
        self._db.execute(
            "UPDATE jobs SET status = ?, holder = ?, ended_at = ?, nbytes = ?, record = ? "
            "WHERE id = ?",
            (*_columns(job), job.id),
        )

    def change(self, job_id: str, holder: str, change: Callable[[Job], Job]) -> Job | None:
        """A job in the hands of that holder; None when it is not, because it was deleted, or
        another has taken it over."""
        held = "WHERE id = ? AND holder = ? AND status = ?"
        job = next(self._jobs(held, job_id, holder, Status.IN_PROGRESS), None)
        if job is None:
            return None
        changed = change(job)
        self.put(changed)
        return changed

    def change_all_of(self, holder: str, change: Callable[[Job], Job]) -> None:
        held = list(self._jobs("WHERE holder = ? AND status = ?", holder, Status.IN_PROGRESS))
        for job in held:
            self.put(change(job))

    def remove(self, job_id: str) -> bool:
        """False: there is none."""
        return self._db.execute("DELETE FROM jobs WHERE id = ?", (job_id,)).rowcount > 0

    # Within

    def _jobs(self, rest: str, *values: object) -> Iterator[Job]:
        with closing(self._db.execute(f"SELECT record FROM jobs {rest}", values)) as rows:  # noqa: S608
            for (record,) in rows:
                yield Job.model_validate_json(record)

    def _count(self, condition: str, *values: object) -> int:
        counted = self._db.execute(f"SELECT COUNT(*) FROM jobs WHERE {condition}", values)  # noqa: S608
        return int(counted.fetchone()[0])


def _columns(job: Job) -> tuple[object, ...]:
    """As in `add` and `put`."""
    return (job.status, job.holder, job.ended_at, job.nbytes, job.model_dump_json())
