"""Where a Redis or Valkey server is, from one URL, and the connections to it.

    redis://USER:PASSWORD@HOST:PORT/DB       rediss:// with TLS, unix:///PATH for a socket
    redis+sentinel://HOST:PORT,HOST:PORT/SERVICE/DB        rediss+sentinel:// with TLS
    redis+cluster://HOST:PORT,HOST:PORT                    rediss+cluster:// with TLS

`valkey` may stand for `redis`. The query takes what redis-py takes, such as `ssl_ca_certs=FILE`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from redis.asyncio import BlockingConnectionPool, Redis, RedisCluster, Sentinel
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from matinee.errors import BadInput

DEFAULT_PORT = 6379
SENTINEL_PORT = 26379
CONNECTIONS = 16
"""At once, of a server process; who wants another one waits."""
CONNECT_S, ANSWER_S = 2.0, 5.0
FORMS = "redis://HOST:PORT/DB, rediss:// with TLS, redis+sentinel://, redis+cluster:// or unix://"

_BASES = {
    "redis": "redis",
    "rediss": "rediss",
    "unix": "unix",
    "valkey": "redis",
    "valkeys": "rediss",
}

Client = Redis | RedisCluster


@dataclass(frozen=True, slots=True)
class Address:
    """`base`: `redis`, `rediss` or `unix`; `kind`: "", `sentinel` or `cluster`."""

    base: str
    kind: str
    url: SplitResult

    @classmethod
    def parsed(cls, text: str, key: str = "streaming.state.url") -> Address:
        """`key`: of the configuration. Raises `BadInput`, without the URL: there may be a password
        in it."""
        try:
            url = urlsplit(text.strip())
            scheme, _, kind = url.scheme.partition("+")
            address = cls(_BASES.get(scheme, ""), kind, url)
            usable = address._fits() and bool(address.options() and address.hosts())
        except ValueError:
            usable = False
        if not usable:
            problem = f"is not the address of a Redis or Valkey server; write {FORMS}"
            raise BadInput(key, problem)
        return address

    def _fits(self) -> bool:
        if self.base == "unix":
            return self.kind == "" and bool(self.url.path)
        return bool(self.base and self.url.netloc) and self.kind in ("", "sentinel", "cluster")

    def options(self) -> dict[str, Any]:
        """Of each connection, but for where it leads. Raises `ValueError`."""
        host = "host" if self.kind else self.url.netloc.rpartition("@")[2]
        credentials = self.url.netloc.rpartition("@")[0]
        netloc = f"{credentials}@{host}" if credentials else host
        path = self.url.path if not self.kind else ""
        return dict(parse_url(urlunsplit((self.base, netloc, path, self.url.query, ""))))

    def hosts(self) -> list[tuple[str, int]]:
        """Raises `ValueError`."""
        port = SENTINEL_PORT if self.kind == "sentinel" else DEFAULT_PORT
        found = []
        for place in self.url.netloc.rpartition("@")[2].split(","):
            one = urlsplit(f"//{place}")
            found.append((one.hostname or "localhost", one.port or port))
        return found


@dataclass(frozen=True, slots=True)
class Connections:
    """`client` answers; `sentinels` tell it where the server is."""

    client: Client
    sentinels: tuple[Redis, ...] = ()

    @classmethod
    def to(cls, address: Address) -> Connections:
        """They are opened when something is asked. Raises `BadInput`."""
        options: dict[str, Any] = {
            **address.options(),
            "socket_connect_timeout": CONNECT_S,
            "socket_timeout": ANSWER_S,
        }
        match address.kind:
            case "sentinel":
                return _through_sentinels(address, _plain(options))
            case "cluster":
                nodes = [ClusterNode(host, port) for host, port in address.hosts()]
                options |= {"startup_nodes": nodes, "max_connections": CONNECTIONS}
                return cls(RedisCluster(**_plain(options)))
            case _:
                options |= {"timeout": ANSWER_S, "retry": _once_more()}
                return cls(Redis.from_pool(BlockingConnectionPool(CONNECTIONS, **options)))

    async def close(self) -> None:
        for client in (self.client, *self.sentinels):
            await client.aclose()


def _through_sentinels(address: Address, options: Mapping[str, Any]) -> Connections:
    service, _, database = address.url.path.strip("/").partition("/")
    if not service or not (database or "0").isdecimal():
        says = "names no service of the sentinels: redis+sentinel://HOST:PORT/SERVICE/DB"
        raise BadInput("streaming.state.url", says)
    timeouts = {name: options[name] for name in ("socket_timeout", "socket_connect_timeout")}
    sentinel = Sentinel(address.hosts(), sentinel_kwargs=timeouts)
    settings = {**options, "db": int(database or 0), "retry": _once_more()}
    client: Redis = sentinel.master_for(unquote(service), **settings)
    return Connections(client, tuple(sentinel.sentinels))


def _once_more() -> Retry:
    """At once: a connection may have died since it was used last."""
    return Retry(NoBackoff(), 1)


def _plain(options: Mapping[str, Any]) -> dict[str, Any]:
    """As clients take them that make their connections themselves."""
    settings = {name: value for name, value in options.items() if name != "host"}
    if settings.pop("connection_class", None) is not None:
        settings["ssl"] = True
    return settings
