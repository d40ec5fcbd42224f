"""What is known of each backend: its health, its slots, and the sessions that we gave it. Pure.

Whoever finds backends says which there are (`Table.set_addresses`: a static list, EndpointSlices),
probes and feeds say how they are. What fails to be heard changes nothing that was known: a lost
feed never empties the table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from matinee_api.contracts.pod_http import Slots


class Health(StrEnum):
    UNKNOWN = "unknown"  # never asked so far
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Answers in a row that change a backend's health."""

    failures: int = 3
    recoveries: int = 2


@dataclass(frozen=True, slots=True)
class Address:
    """A backend as its finder describes it. `takes_new`: false for one that only keeps the sessions
    that it has (an endpoint that is serving and terminating)."""

    url: str
    name: str
    primary: bool = False
    weight: float = 1.0
    control_url: str = ""
    control_token_file: str | None = None
    stream_token_file: str | None = None
    takes_new: bool = True


@dataclass(slots=True, eq=False)
class Backend:
    """`sessions`: when each of ours began, by its key. Times are monotonic seconds but for
    `last_ok_at`, seconds since 1970."""

    address: Address
    thresholds: Thresholds
    health: Health = Health.UNKNOWN
    consecutive_failures: int = 0
    last_ok_at: float | None = None
    last_latency_ms: float | None = None
    slots: Slots | None = None
    refusing: bool = False
    """It refused a session and has not been heard of since."""
    gone: bool = False
    """Its finder names it no longer; it is kept while it has sessions."""
    sessions: dict[int, float] = field(default_factory=dict)
    tellings: int = 0
    """How often its feed has told of it."""
    _ours_when_told: int = 0
    _successes: int = 0

    @property
    def takes_new(self) -> bool:
        """Whether it may get a session, should it have a free slot."""
        drains = self.slots is not None and (self.slots.draining or not self.slots.ready)
        listed = self.address.takes_new and not self.gone
        return listed and self.health is Health.HEALTHY and not drains

    @property
    def wakes(self) -> bool:
        """It will take sessions once its model is loaded."""
        listed = self.address.takes_new and not self.gone
        slots = self.slots
        loads = slots is not None and not slots.ready and not slots.draining
        return listed and loads and self.health is Health.HEALTHY

    @property
    def segment_cap(self) -> int:
        """Of a session; 0: any number, or not known."""
        return self.slots.segment_cap if self.slots is not None else 0

    @property
    def store(self) -> str | None:
        """Which store of sessions it shares with others."""
        return self.slots.store if self.slots is not None else None

    @property
    def drains(self) -> bool:
        """Its sessions are to go elsewhere while it can still say how they are."""
        return self.slots is not None and self.slots.draining

    @property
    def free(self) -> int | None:
        """Slots, as far as is known; None of one that does not tell. What is used and not ours
        belongs to other routers; what we gave it since it told us counts as used."""
        if self.refusing:
            return 0
        if self.slots is None:
            return None
        others = max(0, self.slots.used - self._ours_when_told)
        return max(0, self.slots.total - others - len(self.sessions))

    @property
    def capacity(self) -> int:
        """Slots that it has for us; of one that does not tell, the sessions that it took."""
        free = self.free
        return len(self.sessions) + (0 if free is None else free)

    def remaining_s(self, now: float, mean_s: float) -> float:
        """Work that its sessions have left, if each lasts as long as sessions do on the average."""
        return sum(max(0.0, mean_s - (now - began)) for began in self.sessions.values())

    def succeeded(self, at: float, latency_ms: float) -> None:
        """`at`: seconds since 1970."""
        self.last_ok_at, self.last_latency_ms = at, latency_ms
        self.consecutive_failures = 0
        self._successes += 1
        if self.slots is None:
            self.refusing = False
        if self.health is Health.UNKNOWN or self._successes >= self.thresholds.recoveries:
            self.health = Health.HEALTHY

    def failed(self) -> None:
        self._successes = 0
        self.consecutive_failures += 1
        if self.consecutive_failures >= self.thresholds.failures:
            self.health = Health.UNHEALTHY

    def told(self, slots: Slots | None) -> None:
        """A line of its feed; None: it has no feed."""
        self.slots = slots
        self.refusing = False
        self.tellings += 1
        self._ours_when_told = len(self.sessions)

    def refused(self, tellings: int | None = None) -> None:
        """It took no session. It gets none before it is heard of again. `tellings`: as many as
        there were when it was asked; what it has told since may be newer than its refusal, and
        perhaps it tells nothing more."""
        if tellings in (None, self.tellings):
            self.refusing = True


class Table:
    """`on_change` is called after each change that may free a slot."""

    def __init__(self, thresholds: Thresholds) -> None:
        self.on_change: Callable[[], None] = lambda: None
        self.is_known = False
        """Whether its finder has named the backends, be there any or not."""
        self.start_s: float | None = None
        """How long a backend takes to start, where its finder knows that."""
        self._thresholds = thresholds
        self._backends: dict[str, Backend] = {}

    def __iter__(self) -> Iterator[Backend]:
        return iter(list(self._backends.values()))

    def __len__(self) -> int:
        return len(self._backends)

    def set_addresses(self, addresses: Iterable[Address]) -> None:
        """All that there are now. One that is no longer named stays until its sessions end, and
        nothing is known of another one that got its address."""
        self.is_known = True
        wanted = {address.url: address for address in addresses}
        for url, backend in list(self._backends.items()):
            backend.gone = url not in wanted
            if backend.gone and not backend.sessions:
                del self._backends[url]
        for url, address in wanted.items():
            known = self._backends.get(url)
            if known is None or (known.address.name != address.name and not known.sessions):
                self._backends[url] = Backend(address, self._thresholds)
            else:
                known.address = address
        self.on_change()

    def succeeded(self, backend: Backend, at: float, latency_ms: float) -> None:
        backend.succeeded(at, latency_ms)
        self.on_change()

    def told(self, backend: Backend, slots: Slots | None) -> None:
        backend.told(slots)
        self.on_change()

    def begin(self, backend: Backend, session: int, now: float) -> None:
        backend.sessions[session] = now

    def end(self, backend: Backend, session: int) -> None:
        backend.sessions.pop(session, None)
        if backend.gone and not backend.sessions:
            self._backends.pop(backend.address.url, None)
        self.on_change()

    @property
    def has_hope(self) -> bool:
        """Whether one of them takes sessions, or may once it was asked or is awake."""
        return any(one.takes_new or one.wakes or one.health is Health.UNKNOWN for one in self)

    @property
    def takes_new(self) -> bool:
        """Whether one of them takes sessions now."""
        return any(one.takes_new for one in self)

    @property
    def free(self) -> int:
        """Slots that a session could have now; one at each that does not tell."""
        return sum(1 if one.free is None else one.free for one in self if one.takes_new)

    @property
    def all_asked(self) -> bool:
        return self.is_known and all(one.health is not Health.UNKNOWN for one in self)

    @property
    def capacity(self) -> int:
        return sum(one.capacity for one in self if one.takes_new)
