"""One session's states: saved in order under its lease, and shown to the client when it asks.

The newest state is held here too, so a session and its client lose nothing while both live,
whatever becomes of the store: a snapshot never asks it. What the store does not take now is saved
when it is back (`late_saves`).
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass

from matinee.errors import LeaseLost, StoreUnavailable
from matinee.generation import State
from matinee.session.late_saves import LateSaves
from matinee.session.metrics import Metrics
from matinee.session.outlet import Stamped
from matinee.session.record import SessionRecord
from matinee.session.saved_record import to_saved
from matinee.state.codec import state_to_wire
from matinee.store.base import Lease, SessionStore
from matinee.wire import server_messages as say

logger = logging.getLogger(__name__)

MOST_WAITING = 4
"""Records of a session that wait for the one before them to be saved."""
AWAY = "it did not answer when it was asked last"


@dataclass(frozen=True, slots=True)
class StateStorage:
    """What the sessions of a server share. `owner`: its name, told to those who lose a lease to
    it. `threads`: as many as may encode at once, also when all sessions end at once."""

    store: SessionStore
    owner: str
    threads: Executor
    metrics: Metrics
    late: LateSaves

    @classmethod
    def over(
        cls, store: SessionStore, owner: str, threads: Executor, metrics: Metrics
    ) -> StateStorage:
        late = LateSaves(lambda: store.history("probe"), metrics)
        return cls(store, owner, threads, metrics, late)


class StateKeeper:
    """`log` hears of states that could not be saved, and `on_lost` is called once when another
    holder has claimed the session: `lost`. `lease`: the session's, where it has one already.

    A store that is slower than the session loses the oldest records that wait; one that does not
    answer is asked by `late_saves` alone, so that nothing of a session waits for it again. A
    snapshot is megabytes of text, so at most one of a session waits to be read by its client.
    """

    def __init__(
        self,
        session_id: str,
        storage: StateStorage,
        put: Callable[[say.ServerMessage | Stamped], None],
        log: Callable[..., None],
        on_lost: Callable[[], None],
        lease: Lease | None = None,
    ) -> None:
        self._session_id = session_id
        self._storage = storage
        self._put = put
        self._log = log
        self._on_lost = on_lost
        self._lock = asyncio.Lock()
        self._newest: State | None = None
        self._lease = lease
        self._waiting: deque[SessionRecord] = deque()
        self._unsaved: SessionRecord | None = None
        self.lost = False
        self._released = False
        self._snapshot_waits = False

    async def keep(self, state: State, record: SessionRecord) -> None:
        """`state`: what the client is shown. `record`: the session with it, to be saved."""
        self._newest = state
        await self.save(record)

    async def save(self, record: SessionRecord) -> None:
        """The session as it is now, perhaps between two states."""
        self._waiting.append(record)
        if len(self._waiting) > MOST_WAITING:
            self._waiting.popleft()
            self._storage.metrics.states_not_saved.labels("too_slow").inc()
        async with self._lock:
            if self._waiting:
                await self._save_now_or_later(self._waiting.popleft())

    async def save_end(self, record: SessionRecord) -> None:
        """That it has ended; nothing for a session of which nothing is saved."""
        async with self._lock:
            if self._lease is not None:
                await self._save_now_or_later(record)

    async def release(self) -> None:
        """Nobody saves this session any more: another server may go on with it."""
        async with self._lock:
            self._released = True
            if self._unsaved is not None or not self._storage.late.reachable:
                return  # what is late is saved before; whoever comes claims it anyway
            try:
                await self._release()
            except StoreUnavailable as error:
                logger.warning("a session's lease cannot be released: %s", error)

    @property
    def is_late(self) -> bool:
        """The store lacks the newest record."""
        return self._unsaved is not None

    @property
    def waiting_bytes(self) -> int:
        state = None if self._unsaved is None else self._unsaved.state
        return 0 if state is None else state.nbytes

    async def retry(self) -> None:
        """What the store did not take. Raises `StoreUnavailable`."""
        async with self._lock:
            if self._unsaved is None:
                return
            await self._save_unless_lost(self._unsaved)
            if self._released:
                await self._release()

    async def answer(self, number: int) -> None:
        """The client's message of that number, after every `keep` before it: the lock is first
        come, first served."""
        if self._snapshot_waits:
            self._refuse("the snapshot before this one is still on its way", number)
            return
        self._snapshot_waits = True
        snapshot = await self._snapshot(number)
        if snapshot is None:
            self._snapshot_waits = False
            self._refuse("there is no state yet; it exists after the first segment", number)
            return

        def taken() -> say.ContinuationSnapshot:
            self._snapshot_waits = False
            return snapshot

        self._put(taken)

    async def tell(self) -> None:
        """Unasked, at a session's end."""
        snapshot = await self._snapshot()
        if snapshot is not None:
            self._put(snapshot)

    async def _save_now_or_later(self, record: SessionRecord) -> None:
        try:
            self._check_reachable()
            await self._save_unless_lost(record)
        except StoreUnavailable as error:
            self._unsaved = record
            self._storage.late.missed(self)
            self._tell_not_saved("unavailable", error)

    def _check_reachable(self) -> None:
        if not self._storage.late.reachable:
            raise StoreUnavailable(AWAY)

    async def _save_unless_lost(self, record: SessionRecord) -> None:
        """Raises `StoreUnavailable`."""
        if self.lost:
            return
        try:
            await self._save(record)
        except LeaseLost as error:
            self.lost = True
            self._tell_not_saved("taken_over", error)
            self._on_lost()
        self._unsaved = None

    async def _release(self) -> None:
        """Raises `StoreUnavailable`."""
        if self._lease is not None and not self.lost:
            await self._storage.store.release(self._lease)

    async def _save(self, record: SessionRecord) -> None:
        """Raises `StoreUnavailable`, `LeaseLost`."""
        storage = self._storage
        if self._lease is None:
            self._lease = await storage.store.claim(self._session_id, storage.owner)
        loop = asyncio.get_running_loop()
        saved = await loop.run_in_executor(storage.threads, to_saved, record)
        await storage.store.save(self._lease, saved.segment, saved.facts, saved.blobs)

    async def _snapshot(self, answers: int | None = None) -> say.ContinuationSnapshot | None:
        async with self._lock:
            state = self._newest
        if state is None:
            return None
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._storage.threads, _snapshot_of, state, answers)

    def _tell_not_saved(self, reason: str, error: Exception) -> None:
        self._storage.metrics.states_not_saved.labels(reason).inc()
        logger.warning("a session's state is not saved: %s", error)
        self._log("state_not_stored", reason=str(error))

    def _refuse(self, message: str, number: int) -> None:
        self._put(say.Error("invalid_message", message, retryable=True, answers=number))


def _snapshot_of(state: State, answers: int | None) -> say.ContinuationSnapshot:
    return say.ContinuationSnapshot.of(state_to_wire(state), answers)
