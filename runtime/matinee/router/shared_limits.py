"""What each owner of a key has begun at all routers that share a store, against what it allows.

Each session is a lease that its router renews: those of a router that died, or that the server
lost, are neither counted for long nor forgotten for long.
"""

from __future__ import annotations

import time
import uuid
from collections import defaultdict

from matinee.router.owners import Exceeded
from matinee.router.shared_scripts import Scripts, id_of
from matinee.serving.keys import Key

LEASE_MS = 6_000
"""How long sessions of a router count that is not heard of."""
RENEW_S = 2.0

BEGIN = """
local sessions, rate = KEYS[1], KEYS[2]
local lease, for_ms = ARGV[1], tonumber(ARGV[2])
local most, per_minute = tonumber(ARGV[3]), tonumber(ARGV[4])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', sessions, '-inf', now)
for at = 5, #ARGV do redis.call('ZREM', sessions, ARGV[at]) end
if most > 0 and redis.call('ZCARD', sessions) >= most then return 'sessions' end
if per_minute > 0 then
  local burst = math.max(1, per_minute)
  local found = redis.call('HMGET', rate, 'left', 'at', 'per_minute')
  local left = burst
  if found[1] and found[3] == ARGV[4] then
    local grown = math.max(0, now - tonumber(found[2])) * per_minute / 60000
    left = math.min(burst, tonumber(found[1]) + grown)
  end
  if left < 1 then return 'rate' end
  redis.call('HSET', rate, 'left', string.format('%.6f', left - 1),
             'at', string.format('%.0f', now), 'per_minute', ARGV[4])
  redis.call('PEXPIRE', rate, math.min(1e12, math.ceil(60000 * burst / per_minute)))
end
redis.call('ZADD', sessions, now + for_ms, lease)
redis.call('PEXPIRE', sessions, for_ms)
return 'begun'
"""
"""lease, how long it holds, most sessions, most a minute, leases that have ended -> 'begun',
'sessions' or 'rate'. A limit of 0 is none; the time is the server's"""

RENEW = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for at = 2, #ARGV do redis.call('ZADD', KEYS[1], now + ARGV[1], ARGV[at]) end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
"""
"""how long they hold, leases"""

END = """
for _, lease in ipairs(ARGV) do redis.call('ZREM', KEYS[1], lease) end
"""
"""leases"""

_REFUSALS: dict[bytes, Exceeded] = {b"sessions": "sessions", b"rate": "rate"}


class SharedLimits:
    """Sessions of this router have numbers of their own."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts
        self._router = uuid.uuid4().hex
        self._held: defaultdict[str, set[str]] = defaultdict(set)
        self._ended: defaultdict[str, set[str]] = defaultdict(set)
        """What the server does not know so far."""
        self._renewed_at = 0.0

    async def begin(self, key: Key, session: int) -> Exceeded | None:
        """Whether the key allows it; it is counted unless it is refused, also where the server is
        away. Raises `Away`."""
        owner, lease = self.hold(key, session)
        facts = lease, LEASE_MS, key.max_sessions, repr(key.sessions_per_minute)
        ended = self._ended.pop(owner, set())
        try:
            said = await self._scripts.run(BEGIN, _keys(owner), *facts, *ended)
        except BaseException:
            self._ended[owner] |= ended
            raise
        refusal = _REFUSALS.get(said)
        if refusal is not None:
            self._forget(owner, lease)
        return refusal

    def hold(self, key: Key, session: int) -> tuple[str, str]:
        """A session that the server is told of later: its owner and its lease."""
        owner, lease = id_of(key.name), self._lease(session)
        self._held[owner].add(lease)
        return owner, lease

    def end(self, key: Key, session: int) -> None:
        """A second time changes nothing."""
        owner, lease = id_of(key.name), self._lease(session)
        if self._forget(owner, lease):
            self._ended[owner].add(lease)

    async def tell(self) -> None:
        """What has ended, and now and then what goes on. Raises `Away`."""
        while self._ended:
            owner, leases = self._ended.popitem()
            try:
                await self._scripts.run(END, _keys(owner)[:1], *leases)
            except BaseException:
                self._ended[owner] |= leases
                raise
        if time.monotonic() - self._renewed_at >= RENEW_S:
            for owner, leases in list(self._held.items()):
                await self._scripts.run(RENEW, _keys(owner)[:1], LEASE_MS, *leases)
            self._renewed_at = time.monotonic()

    def renew_soon(self) -> None:
        """The server may have lost what it knew."""
        self._renewed_at = 0.0

    def _lease(self, session: int) -> str:
        return f"{self._router} {session}"

    def _forget(self, owner: str, lease: str) -> bool:
        held = self._held.get(owner, set())
        was_held = lease in held
        held.discard(lease)
        if not held:
            self._held.pop(owner, None)
        return was_held


def _keys(owner: str) -> tuple[str, str]:
    return f"sessions:{owner}", f"rate:{owner}"
