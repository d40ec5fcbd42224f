"""Scripts on the Redis or Valkey server that routers share, each waited for shortly."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Sequence
from typing import Any

from redis.exceptions import RedisClusterException, RedisError

from matinee.store.redis_address import Connections

ANSWER_S, TURNS = 1.0, 10
"""A server that takes longer is away: nobody waits for it to get a slot. It is waited for in so
many turns, so that a second in which this process was stuck is not held against it."""


class Away(Exception):
    """The server did not answer."""


class Scripts:
    """`prefix`: how the keys begin; its part in braces keeps a cluster's on one server."""

    def __init__(self, connections: Connections, prefix: str) -> None:
        self.prefix = prefix
        self.connections = connections
        self._known: dict[str, Any] = {}

    async def run(self, script: str, keys: Sequence[str], *values: object) -> Any:
        """`keys`: without the prefix. Raises `Away`."""
        if script not in self._known:
            self._known[script] = self.connections.client.register_script(script)
        names = [f"{self.prefix}:{key}" for key in keys]
        return await in_time(self._known[script](keys=names, args=values))


async def in_time(answer: Awaitable[Any]) -> Any:
    """Raises `Away`; a `RuntimeError` is uvloop's word for a connection that was closed
    meanwhile."""
    asking = asyncio.ensure_future(answer)
    try:
        for _ in range(TURNS):
            if (await asyncio.wait([asking], timeout=ANSWER_S / TURNS))[0]:
                return asking.result()
    except (RedisError, RedisClusterException, OSError, RuntimeError) as error:
        raise Away(f"{type(error).__name__}: {error}") from error
    finally:
        if not asking.done():
            asking.cancel()
            await asyncio.wait([asking])
        if not asking.cancelled():
            asking.exception()  # it was told, or nobody asks any more
    raise Away(f"no answer within {ANSWER_S:g} s")


def id_of(text: str) -> str:
    """What the server knows of it, so that who reads there has no place and no key of anybody."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]
