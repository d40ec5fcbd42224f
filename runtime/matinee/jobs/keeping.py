"""What keeps jobs and their files: `Desk` on one disk, `SharedDesk` for servers that share nothing
else than a ledger and a place for files.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from matinee.jobs.desk import New
from matinee.jobs.ledger import Direction, Placed
from matinee.jobs.record import Failure, Job


class Keeping(Protocol):
    """Synchronous, and called by one thread, but for `deliver` and `fetch`. Each method is whole or
    nothing, also when the process is killed within it. Raises OSError, `sqlite3.Error` and
    `StoreUnavailable` for whatever the medium does."""

    @property
    def making(self) -> Path:
        """A folder of this server's own, for what it writes."""
        ...

    def close(self) -> None:
        """Jobs that were being made here wait for another server."""
        ...

    def create(self, new: New) -> Job:
        """The job, or the one that was made of the same request before. Raises `QueueFull`,
        `QuotaUsedUp`, `KeyReused`."""
        ...

    def delete(self, job_id: str) -> bool:
        """Whatever it is at. False: there is none."""
        ...

    def content(self, job_id: str, file: str) -> Path | None:
        """Where the file is once it was fetched. None when there is none, or none so far."""
        ...

    def fetch(self, file: Path) -> None:
        """What `content` or `image` gave is on this server's disk, if it is anywhere. Takes its
        time, in any thread."""
        ...

    def placed(self, job_id: str) -> Placed | None: ...

    def page(self, after: str | None, limit: int, direction: Direction, owner: str) -> list[Job]:
        """Of an owner, or all. Raises `KeyError` when `after` is none of them."""
        ...

    def counts(self) -> tuple[int, int]:
        """How many wait, and how many are made."""
        ...

    def claim(self) -> Job | None:
        """The first that waits, ours from now on."""
        ...

    def image(self, job: Job) -> Path:
        """The one that its video begins with."""
        ...

    def renew(self) -> set[str]:
        """Say that we are alive. Returns ids of jobs that are not ours any more."""
        ...

    def advance(self, job_id: str, percent: int) -> bool:
        """False: it is not ours any more, because somebody deleted it or took it over."""
        ...

    def deliver(self, job_id: str, made: Path) -> None:
        """`made`, the folder with all that it became, goes to where all servers find it. Takes its
        time, in any thread, and nobody sees it before `complete`."""
        ...

    def complete(self, job_id: str, made: Path) -> bool:
        """False as above."""
        ...

    def fail(self, job_id: str, failure: Failure) -> None: ...

    def let_go(self, job_id: str) -> None:
        """It waits again."""
        ...

    def tidy(self) -> None:
        """Take over the jobs of servers that died; drop those whose time is up."""
        ...
