"""Servers that share a Redis and a place for files, and a clock that stands."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from pathlib import Path

from matinee.jobs.keeping import Keeping
from matinee.jobs.redis_ledger import RedisLedger
from matinee.jobs.results import FolderResults, Results
from matinee.jobs.shared_desk import SharedDesk
from matinee.store.redis_address import Address
from tests.unit.runtime.jobs.making import BOUNDS, QUOTA, Clock

LEASE_S = 15.0


@dataclass
class Shared:
    """See `conformance.House`. Each test has a ledger of its own."""

    url: str
    folder: Path
    clock: Clock = field(default_factory=Clock)
    name: str = field(default_factory=lambda: secrets.token_hex(8))
    _ledgers: list[RedisLedger] = field(default_factory=list)

    def open(self) -> SharedDesk:
        scratch = self.folder / secrets.token_hex(8)
        return SharedDesk(scratch, self.ledger(), self.results, QUOTA, self.clock)

    def ledger(self) -> RedisLedger:
        address = Address.parsed(self.url)
        self._ledgers.append(RedisLedger(address, self.name, BOUNDS, LEASE_S, self.clock))
        return self._ledgers[-1]

    def close(self) -> None:
        for ledger in self._ledgers:
            ledger.close()

    @property
    def results(self) -> Results:
        return FolderResults(self.folder / "results")

    def kill(self, desk: Keeping) -> None:
        """It says nothing any more, until its lease is over."""
        self.clock.now += LEASE_S

    def files(self) -> set[tuple[str, str]]:
        paths = (self.folder / "results").glob("*/*/*")
        return {(path.parent.parent.name, path.name) for path in paths}
