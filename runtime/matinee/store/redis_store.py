"""States in a Redis or Valkey server: they survive pods, and all pods share them.

What must happen at once is a script (`redis_scripts.py`). Beside the sessions there is one list of
all states, the oldest first, which bounds them all together:

    matinee:states      sorted by time: "SESSION KEY SIZE"

It is looked through now and then, so a little more than the bounds may be kept for a while.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from redis.exceptions import RedisError

from matinee.errors import LeaseLost, StoreUnavailable
from matinee.store import redis_scripts as scripts
from matinee.store.base import (
    Blob,
    Bounds,
    Kept,
    Lease,
    Saved,
    check_blobs,
    check_session_id,
    how_many_fit,
)
from matinee.store.redis_address import Connections

MAX_BYTES = 4 * 2**30
"""Of all the states together, where nothing is configured."""
UNSAVED_MS = 60_000
"""How long a state may take from its first blob to its place."""
ALL_STATES = "matinee:states"


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
        key = uuid.uuid4().hex
        size = len(facts) + sum(len(blob) for blob in blobs.values())
        await self._upload(_key(lease.session_id, key), facts, blobs)
        saved_ms = await self._put_in_place(lease, segment, key, size)
        if self._saves % self.sweep_every == 0:
            await self._sweep(saved_ms - self._ttl_ms)
        self._saves += 1

    async def load(self, session_id: str, segment: int | None = None) -> Saved | None:
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

    async def _upload(self, key: str, facts: bytes, blobs: Mapping[str, Blob]) -> None:
        """Blob by blob: the server does nothing else while it takes one."""
        await self._ask("hset", key, mapping={"facts": facts, "names": json.dumps(list(blobs))})
        await self._ask("pexpire", key, UNSAVED_MS)
        for number, blob in enumerate(blobs.values()):
            await self._ask("hset", key, f"b{number}", blob)

    async def _put_in_place(self, lease: Lease, segment: int, key: str, size: int) -> int:
        """When, in milliseconds since the epoch. Raises `LeaseLost`."""
        session = lease.session_id
        bounds = (self.bounds.history_states, self.bounds.history_bytes)
        values = (lease.fence, lease.owner, segment, size, key, self._now, self._ttl_ms, *bounds)
        said, *rest = await self._run(scripts.SAVE, [_key(session), _key(session, key)], *values)
        match said:
            case b"lost":
                await self._ask("unlink", _key(session, key))
                raise LeaseLost(session, (rest[0] or b"").decode())
            case b"gone":
                raise StoreUnavailable("the server dropped a state that was being saved")
        saved_ms, removed = rest
        await self._ask("zadd", ALL_STATES, {f"{session} {key} {size}": float(saved_ms)})
        await self._ask("pexpire", ALL_STATES, self._ttl_ms)
        await self._remove(session, removed)
        return int(saved_ms)

    async def _download(self, key: str, segment: int) -> Saved | None:
        """None when it expired meanwhile."""
        facts, names = await self._ask("hmget", key, ["facts", "names"])
        if facts is None or names is None:
            return None
        blobs: dict[str, Blob] = {}
        for number, name in enumerate(json.loads(names)):
            blob = await self._ask("hget", key, f"b{number}")
            if blob is None:
                return None
            blobs[str(name)] = blob
        return Saved(segment, facts, blobs)

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
        newest_first = await self._ask("zrange", ALL_STATES, 0, -1, desc=True)
        members = [one.decode() for one in newest_first]
        sizes = [int(member.split(" ")[2]) for member in members]
        stay = how_many_fit(sizes, self.bounds.max_states, self.bounds.max_bytes)
        for member in members[stay:]:
            session_id, key, _ = member.split(" ")
            await self._run(scripts.DROP, [_key(session_id), _key(session_id, key)], key)
            await self._ask("zrem", ALL_STATES, member)

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


async def _guarded(answer: Awaitable[Any]) -> Any:
    try:
        return await answer
    except (RedisError, OSError) as error:
        raise StoreUnavailable(f"{type(error).__name__}: {error}") from error
