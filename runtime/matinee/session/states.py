"""One session's continuation states: stored in order, and shown to the client when it asks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from matinee.generation import State
from matinee.session.outlet import Stamped
from matinee.state.codec import state_to_wire
from matinee.store.base import StateStore
from matinee.wire import server_messages as say

logger = logging.getLogger(__name__)


class StateKeeper:
    """`log` is told of states that could not be stored; they are held here instead, so that the
    session and its client lose nothing while both live.

    A snapshot is megabytes of text, so at most one of a session waits to be read by its client.
    """

    def __init__(
        self,
        session_id: str,
        store: StateStore,
        put: Callable[[say.ServerMessage | Stamped], None],
        log: Callable[..., None],
    ) -> None:
        self._session_id = session_id
        self._store = store
        self._put = put
        self._log = log
        self._lock = asyncio.Lock()
        self._unstored: State | None = None
        self._snapshot_waits = False

    async def keep(self, state: State) -> None:
        async with self._lock:
            try:
                await self._store.put(self._session_id, state)
                self._unstored = None
            except OSError as error:
                self._unstored = state
                logger.warning("a session's state cannot be stored: %s", error)
                self._log("state_not_stored", reason=str(error))

    async def answer(self) -> None:
        """After every `keep` before it: the lock is first come, first served."""
        if self._snapshot_waits:
            self._refuse("the snapshot before this one is still on its way")
            return
        self._snapshot_waits = True
        snapshot = await self._snapshot()
        if snapshot is None:
            self._snapshot_waits = False
            self._refuse("there is no state yet; it exists after the first segment")
            return

        def taken() -> say.ContinuationSnapshot:
            self._snapshot_waits = False
            return snapshot

        self._put(taken)

    async def tell(self) -> None:
        """Unasked, at a session's end."""
        snapshot = await self._snapshot()
        if snapshot is not None:  # it is forgotten by now, or there was none
            self._put(snapshot)

    async def _snapshot(self) -> say.ContinuationSnapshot | None:
        async with self._lock:
            state = self._unstored or await self._store.get(self._session_id)
        if state is None:
            return None
        return say.ContinuationSnapshot(state=await asyncio.to_thread(state_to_wire, state))

    def _refuse(self, message: str) -> None:
        self._put(say.Error("invalid_message", message, retryable=True))
