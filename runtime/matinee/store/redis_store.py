"""States in a Redis or Valkey server: they survive pods, and all pods share them.

What must happen at once is a script (`redis_scripts.py`). Beside the sessions there is one list of
all states, the oldest first, which bounds them all together:

    matinee:states      sorted by time: "SESSION KEY SIZE"

It is looked through now and then, so a little more than the bounds may be kept for a while. What
others wrote under these names counts as absent.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from redis.exceptions import RedisClusterException, RedisError

from matinee.errors import LeaseLost, StoreUnavailable
from matinee.store import redis_scripts as scripts
from matinee.store.base import (
    MAX_BLOB_BYTES,
    Blob,
    Bounds,
    Kept,
    Lease,
    Saved,
    check_blobs,
    check_session_id,
    how_many_fit,
)
from matinee.store.pieces import MAX_NAMES_BYTES, Pieces
from matinee.store.redis_address import Connections

MAX_BYTES = 4 * 2**30
"""Of all the states together, where nothing is configured."""
UNSAVED_MS = 60_000
"""How long a state may take from one piece to the next, and to its place."""
WHOLE_S = 20.0
"""For all the commands of one call: a server that answers each of them late is not there."""
ALL_STATES = "matinee:states"
MOST_SWEPT = 1024
"""States that one look takes away: others may have listed any number."""
LISTED = re.compile(rb"([A-Za-z0-9-]{1,128}) ([0-9a-f]{32}) (\d{1,15})")


@dataclass(frozen=True, slots=True)
class _State:
    kept: Kept
    key: str


@dataclass(slots=True)
class RedisStore:
    """`clock` gives seconds since the epoch; None: the server's own. `sweep_every`: saves between
    two looks for states that are too old or too many; the first save looks too."""

    connections: Connections
    bounds: Bounds
    clock: Callable[[], float] | None = None
    sweep_every: int = 64
    _saves: int = 0
    _scripts: dict[str, Callable[..., Awaitable[Any]]] = field(default_factory=dict)

    async def claim(self, session_id: str, owner: str) -> Lease:
        check_session_id(session_id)
        fence = await self._run(scripts.CLAIM, [_key(session_id)], owner, self._now, self._ttl_ms)
        return Lease(session_id, owner, int(fence))

    async def release(self, lease: Lease) -> None:
        keys = [_key(lease.session_id)]
        await self._run(scripts.RELEASE, keys, lease.fence, self._now, self._ttl_ms)

    async def save(
        self, lease: Lease, segment: int, facts: bytes, blobs: Mapping[str, Blob]
    ) -> None:
        check_blobs(blobs)
        pieces = Pieces.of(facts, blobs)
        sweeps = self._saves % self.sweep_every == 0
        self._saves += 1
        async with _in_time():
            saved_ms = await self._save(lease, segment, pieces, order=self._saves)
        if sweeps:
            with contextlib.suppress(StoreUnavailable):  # it is saved; the next one sweeps too
                async with _in_time():
                    await self._sweep(saved_ms - self._ttl_ms)

    async def load(self, session_id: str, segment: int | None = None) -> Saved | None:
        async with _in_time():
            for state in await self._states(session_id):
                if segment in (None, state.kept.segment):
                    return await self._download(_key(session_id, state.key), state.kept.segment)
        return None

    async def history(self, session_id: str) -> tuple[Kept, ...]:
        return tuple(state.kept for state in reversed(await self._states(session_id)))

    async def forget(self, session_id: str) -> None:
        check_session_id(session_id)
        removed = await self._run(scripts.FORGET, [_key(session_id)], self._now, self._ttl_ms)
        await self._remove(session_id, removed)

    async def close(self) -> None:
        await self.connections.close()

    # One state

    async def _save(self, lease: Lease, segment: int, pieces: Pieces, order: int) -> int:
        """When, in milliseconds since the epoch. Raises `LeaseLost`."""
        key = uuid.uuid4().hex
        await self._upload(_key(lease.session_id, key), pieces)
        return await self._put_in_place(lease, segment, key, pieces.size_bytes, order)

    async def _upload(self, key: str, pieces: Pieces) -> None:
        """Piece by piece: the server does nothing else while it takes one."""
        await self._run(scripts.PUT, [key], "names", pieces.names, UNSAVED_MS)
        for number, piece in enumerate(pieces.contents):
            await self._run(scripts.PUT, [key], f"b{number}", piece, UNSAVED_MS)

    async def _put_in_place(
        self, lease: Lease, segment: int, key: str, size: int, order: int
    ) -> int:
        session = lease.session_id
        bounds = (self.bounds.history_states, self.bounds.history_bytes)
        values = (lease.fence, lease.owner, segment, size, key, self._now, self._ttl_ms, *bounds)
        keys = [_key(session), _key(session, key)]
        said, *rest = await self._run(scripts.SAVE, keys, *values, order)
        match said:
            case b"lost":
                await self._ask("unlink", _key(session, key))
                raise LeaseLost(session, (rest[0] or b"").decode(errors="replace"))
            case b"gone":
                raise StoreUnavailable("the server dropped a state that was being saved")
        saved_ms, removed = rest
        listed = (int(saved_ms), f"{session} {key} {size}", self._ttl_ms)
        await self._run(scripts.LIST, [ALL_STATES], *listed)
        await self._remove(session, removed)
        return int(saved_ms)

    async def _download(self, key: str, segment: int) -> Saved | None:
        """None when it expired meanwhile, or another program wrote it."""
        layout = Pieces.layout(await self._value(key, "names", MAX_NAMES_BYTES))
        if layout is None:
            return None
        contents: list[bytes] = []
        for number in range(layout.count):
            piece = await self._value(key, f"b{number}", MAX_BLOB_BYTES)
            if piece is None:
                return None
            contents.append(piece)
        return Saved(segment, *layout.joined(contents))

    async def _value(self, key: str, name: str, most_bytes: int) -> bytes | None:
        value: bytes | None = await self._run(scripts.VALUE, [key], name, most_bytes)
        return value

    async def _states(self, session_id: str) -> list[_State]:
        """Newest segment first."""
        check_session_id(session_id)
        found = await self._run(scripts.STATES, [_key(session_id)], self._now, self._ttl_ms)
        return [
            _State(Kept(segment, float(saved_ms) / 1000, size), key.decode())
            for segment, saved_ms, size, key in found
        ]

    # What is no longer kept

    async def _remove(self, session_id: str, removed: list[bytes]) -> None:
        """`removed`: "KEY SIZE" of each."""
        if not removed:
            return
        states = [one.decode() for one in removed]
        await self._ask("unlink", *(_key(session_id, one.split(" ")[0]) for one in states))
        await self._ask("zrem", ALL_STATES, *(f"{session_id} {one}" for one in states))

    async def _sweep(self, too_old_ms: int) -> None:
        """States that are too old are gone by themselves."""
        await self._ask("zremrangebyscore", ALL_STATES, "-inf", f"({too_old_ms}")
        most = self.bounds.max_states + MOST_SWEPT
        newest_first = await self._run(scripts.NEWEST, [ALL_STATES], most)
        found = [(member, LISTED.fullmatch(member)) for member in newest_first]
        ours = [(member, match) for member, match in found if match]
        sizes = [int(match[3]) for _, match in ours]
        stay = how_many_fit(sizes, self.bounds.max_states, self.bounds.max_bytes)
        for member, match in ours[stay:]:
            session_id, key = match[1].decode(), match[2].decode()
            await self._run(scripts.DROP, [_key(session_id), _key(session_id, key)], key)
            await self._ask("zrem", ALL_STATES, member)
        if foreign := [member for member, match in found if not match]:
            await self._ask("zrem", ALL_STATES, *foreign)

    # The server

    @property
    def _now(self) -> str:
        return "" if self.clock is None else str(int(self.clock() * 1000))

    @property
    def _ttl_ms(self) -> int:
        return max(1, int(self.bounds.ttl_s * 1000))

    async def _run(self, script: str, keys: list[str], *values: object) -> Any:
        """Raises `StoreUnavailable`."""
        if script not in self._scripts:
            self._scripts[script] = self.connections.client.register_script(script)
        return await _guarded(self._scripts[script](keys=keys, args=values))

    async def _ask(self, command: str, *values: Any, **options: Any) -> Any:
        """Raises `StoreUnavailable`."""
        return await _guarded(getattr(self.connections.client, command)(*values, **options))


def _key(session_id: str, state: str | None = None) -> str:
    """In braces, so that all keys of a session are on one server of a cluster."""
    session = f"matinee:{{{session_id}}}"
    return session if state is None else f"{session}:{state}"


@asynccontextmanager
async def _in_time() -> AsyncIterator[None]:
    """Raises `StoreUnavailable`."""
    try:
        async with asyncio.timeout(WHOLE_S):
            yield
    except TimeoutError as error:
        raise StoreUnavailable(f"the server took longer than {WHOLE_S:g} s") from error


async def _guarded(answer: Awaitable[Any]) -> Any:
    """A `RuntimeError` is uvloop's word for a connection that was closed meanwhile."""
    try:
        return await answer
    except (RedisError, RedisClusterException, OSError, RuntimeError) as error:
        raise StoreUnavailable(f"{type(error).__name__}: {error}") from error
