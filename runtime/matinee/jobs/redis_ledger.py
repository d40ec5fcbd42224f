"""The list of jobs in a Redis or Valkey server: the same for all servers that share it, and it
outlives each of them. Synchronous: one thread of a process calls it.

Who makes a job holds it under a lease, and must renew it. A job whose lease has ended is taken
over; what the one that had it says afterwards is refused (`ledger_scripts.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

from redis.exceptions import RedisClusterException, RedisError

from matinee.errors import StoreUnavailable
from matinee.jobs import ledger_scripts as scripts
from matinee.jobs.ledger import Direction, KeyReused, Once, Placed, QueueFull
from matinee.jobs.record import Job, Status
from matinee.jobs.retention import Bounds, Quota, QuotaUsedUp
from matinee.store.redis_address import Address, Connections

COMING_MS = 60_000
"""How long a job's files may take to their place."""
FORGOTTEN_MS = 7 * 86_400_000
"""After the last server was there, and beyond the time for which jobs are kept."""
PARTS = (
    *("records", "order", "waiting", "held", "fences", "ended", "sizes", "owners", "once", "keys"),
    *("facts", "coming"),
)


@dataclass(frozen=True, slots=True)
class Held:
    """A job in our hands, under the lease of this number."""

    job: Job
    fence: str


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of an id. `fence`: of who makes it, or of what was made; `coming`: its files
    may be there before it is."""

    job: Job | None
    fence: str = ""
    coming: bool = False


class RedisLedger:
    """`name`: of the list. `lease_s`: how long a server may say nothing before its jobs are given
    to another. `clock`: seconds since 1970; None: the server's own. Raises `StoreUnavailable`."""

    def __init__(
        self,
        address: Address,
        name: str,
        bounds: Bounds,
        lease_s: float,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self._loop = asyncio.new_event_loop()
        self._connections = Connections.to(address)
        self._keys = [f"matinee:jobs:{{{name}}}:{part}" for part in PARTS]
        self._bounds, self._clock = bounds, clock
        self._lease_ms = round(lease_s * 1000)
        self._forgotten_ms = FORGOTTEN_MS + round(bounds.ttl_s * 1000)
        self._scripts: dict[str, Callable[..., Awaitable[Any]]] = {}

    def close(self) -> None:
        """A second time changes nothing."""
        if self._loop.is_closed():
            return
        try:
            self._wait(self._connections.close())
        except StoreUnavailable:
            pass  # there is nothing to let go of
        finally:
            self._loop.close()

    # Orders

    def coming(self, job_id: str) -> None:
        """Its files are put in place from now on; it is added afterwards."""
        self._run(scripts.COMING, self._now, COMING_MS, job_id)

    def add(self, job: Job, once: Once | None, quota: Quota, *, files: bool) -> Job:
        """The job, or the one that was made of the same request before. `files`: it was `coming`.
        Raises `QueueFull`, `QuotaUsedUp` and `KeyReused` too."""
        key = (once.key, once.fingerprint) if once else ("", "")
        said, *rest = self._run(
            *(scripts.ADD, self._now, job.id, job.model_dump_json(), job.owner, *key),
            *(quota.max_queued, quota.max_queued_of_owner, quota.max_bytes_of_owner),
            *("files" if files else "", self._forgotten_ms),
        )
        match said:
            case b"added":
                return job
            case b"earlier":
                return Job.model_validate_json(rest[0])
            case b"reused":
                raise KeyReused
            case b"bytes":
                raise QuotaUsedUp
            case b"late":
                raise StoreUnavailable("the files of a job took too long to their place")
        raise QueueFull

    def made_for(self, key: str) -> tuple[Job, str] | None:
        """The job of an idempotency key, and its fingerprint."""
        found = self._run(scripts.MADE_FOR, key)
        return (Job.model_validate_json(found[0]), found[1].decode()) if found else None

    def remove(self, job_id: str) -> bool:
        """False: there is none."""
        return bool(self._run(scripts.REMOVE, job_id))

    # Reading

    def job(self, job_id: str) -> Job | None:
        placed = self.placed(job_id)
        return placed.job if placed else None

    def placed(self, job_id: str) -> Placed | None:
        found = self._run(scripts.PLACED, job_id)
        return Placed(Job.model_validate_json(found[0]), int(found[1])) if found else None

    def page(self, after: str | None, limit: int, direction: Direction, owner: str) -> list[Job]:
        """In the order in which they came; of an owner, or all. Raises `KeyError` when `after` is
        none of them."""
        said, *found = self._run(scripts.PAGE, after or "", limit, direction, owner)
        if said != b"page":
            raise KeyError(after)
        return [Job.model_validate_json(record) for record in found]

    def counts(self) -> tuple[int, int]:
        """How many wait, and how many are made."""
        waiting, held = self._run(scripts.COUNTS)
        return int(waiting), int(held)

    # While a job is made

    def claim(self) -> Held | None:
        """The first that waits."""
        found = self._run(scripts.CLAIM, self._now, self._lease_ms)
        return _held(found) if found else None

    def put(self, job: Job, fence: str) -> bool:
        """As it is now. False: it is not ours any more."""
        state = "ended" if job.ended else "waiting" if job.status is Status.QUEUED else "held"
        values = (job.id, fence, job.model_dump_json(), state, job.nbytes)
        return bool(self._run(scripts.PUT, self._now, self._lease_ms, *values))

    def renew(self, held: Iterable[tuple[str, str]]) -> set[str]:
        """The leases of these jobs, each with its fence. Returns those that are not ours any
        more."""
        words = [word for pair in held for word in pair]
        lost = self._run(scripts.RENEW, self._now, self._lease_ms, self._forgotten_ms, *words)
        return {job_id.decode() for job_id in lost}

    def expired(self) -> list[Held]:
        """Jobs of servers that died, ours from now on: a few at a time."""
        return [_held(one) for one in self._run(scripts.EXPIRED, self._now, self._lease_ms)]

    # What goes

    def surplus(self) -> list[str]:
        """Ids of finished jobs that are too old or too many: a few at a time."""
        ttl_ms = round(self._bounds.ttl_s * 1000)
        bounds = (ttl_ms, self._bounds.max_jobs, self._bounds.max_bytes)
        return [job_id.decode() for job_id in self._run(scripts.SURPLUS, self._now, *bounds)]

    def known(self, job_ids: Iterable[str]) -> dict[str, Known]:
        """What is known of each, at one moment."""
        asked = list(job_ids)
        found = self._run(scripts.NEEDED, self._now, *asked)
        return {job_id: _known(*one) for job_id, one in zip(asked, found, strict=True)}

    # The server

    @property
    def _now(self) -> str:
        return "" if self._clock is None else str(int(self._clock() * 1000))

    def _run(self, script: str, *values: object) -> Any:
        if script not in self._scripts:
            self._scripts[script] = self._connections.client.register_script(script)
        return self._wait(self._scripts[script](keys=self._keys, args=values))

    def _wait(self, answer: Awaitable[Any]) -> Any:
        try:
            return self._loop.run_until_complete(answer)
        except (RedisError, RedisClusterException, OSError) as error:
            raise StoreUnavailable(f"{type(error).__name__}: {error}") from error


def _held(found: list[bytes]) -> Held:
    return Held(Job.model_validate_json(found[0]), found[1].decode())


def _known(said: bytes, record: bytes) -> Known:
    job = Job.model_validate_json(record) if record else None
    if job is None:
        return Known(None, coming=said == b"coming")
    return Known(job, said.decode().removeprefix("fence ") or job.result)
