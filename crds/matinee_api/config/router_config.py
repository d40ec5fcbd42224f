"""The router's configuration: what `matinee router-serve --config` reads.

The keys of FastVideo's `router-serve` are here under the same names, so that its files work; the
others have defaults.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from matinee_api.config.config_model import Config
from matinee_api.config.connection_limits import ConnectionLimits
from matinee_api.kinds.patterns import HOST_NAME, ORIGIN
from matinee_api.kinds.rules import broken_rules

MOST_BACKENDS = 1024
"""Of one router, however it finds them."""
BASE_URL = r"^https?://[^/?#\s@]+/?$"
Strategy = Literal["most-free", "weighted", "primary-first", "hash"]


class ReplicaConfig(Config):
    """A server that takes sessions."""

    url: Annotated[str, Field(pattern=BASE_URL, max_length=512)]
    """Where it listens: `http://host:port` or `https://host:port`, nothing behind it."""
    name: str | None = Field(default=None, min_length=1, max_length=253)
    """What `/status` and the metrics call it; unset: its address."""
    primary: bool = False
    """Takes the sessions before all others do, with the strategy `primary-first`. At most one."""
    weight: float = Field(default=1.0, gt=0, le=1000)
    """With the strategy `weighted`: how many sessions it gets in proportion to the others."""
    control_url: Annotated[str, Field(pattern=BASE_URL, max_length=512)] | None = None
    """Where its `/v1/slots` is, when its control port is another one; unset: `url`."""
    control_token_file: str | None = None
    """File with the bearer token that its control port wants; read again at each connection."""
    stream_token_file: str | None = None
    """File with the bearer token that it wants of who opens a stream (its
    `server.stream_token_file`); read again at each connection."""

    @property
    def address(self) -> str:
        """`url` without a slash at the end: two that differ in nothing else are one."""
        return self.url.rstrip("/")


class HealthCheckConfig(Config):
    """How each replica is asked whether it is alive, besides its stream of slots."""

    path: str = Field(default="/health", pattern=r"^/[!-~]*$", max_length=512)
    """A status below 400 is a success."""
    interval_seconds: float = Field(default=5.0, gt=0, le=3600)
    """Between two questions."""
    timeout_seconds: float = Field(default=2.0, gt=0, le=3600)
    """For the answer, and for a connection of a viewer to be taken."""
    failure_threshold: int = Field(default=3, ge=1, le=1000)
    """Failures in a row that make a replica unhealthy: it gets no new session."""
    recovery_threshold: int = Field(default=2, ge=1, le=1000)
    """Successes in a row after which it is healthy again. The first success is enough for one that
    was never asked before."""


class QueueConfig(Config):
    """Viewers for whom no replica has a free slot."""

    max_waiting: int = Field(default=64, ge=0, le=100_000)
    """Viewers that may be queued; more are refused and may retry."""
    longest_seconds: float = Field(default=300.0, gt=0, le=86400)
    """Who is queued for longer is refused and may retry."""
    no_backend_seconds: float = Field(default=5.0, ge=0, le=86400)
    """The same for who comes while no replica is alive and takes sessions."""
    kept_seconds: float = Field(default=60.0, ge=0, le=3600)
    """How long the place of a viewer whose connection was lost is kept: who comes back with its
    `queue_token` goes on where it was."""
    store_url: str | None = Field(default=None, min_length=1, max_length=4096, repr=False)
    """Redis or Valkey server for a queue that several routers share and that outlives each of them:
    `redis://HOST:PORT/DB` and the other forms of `streaming.state.url`. The variable
    MATINEE_STORE_URL comes before it. Unset: each router has a queue of its own."""
    name: str | None = Field(default=None, pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*$", max_length=253)
    """Of the queue in the store. Unset: routers that name the same servers or Services have one."""
    held_bytes: int = Field(default=64 * 2**20, ge=2**20, le=2**36)
    """What all queued viewers together may have sent so far. Past it, what a viewer sends after its
    first 64 KiB waits in its socket."""


class BackendService(Config):
    """A Kubernetes Service whose endpoints are servers."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max_length=63)]
    """Its name. Its port `http` takes sessions, and its port `control`, if it has one, tells the
    slots."""
    weight: float = Field(default=1.0, gt=0, le=1000)
    """With the strategy `weighted`: how many sessions each of its servers gets in proportion to
    those of the others."""


class KubernetesConfig(Config):
    """Servers that are found by watching EndpointSlices, from within the cluster."""

    services: Annotated[tuple[BackendService, ...], Field(min_length=1, max_length=64)]
    """The Services. With the strategy `primary-first` those of the first one are primary."""
    namespace: str | None = Field(default=None, min_length=1, max_length=63)
    """Of the Services; unset: the pod's own."""
    control_token_file: str | None = None
    """File with the bearer token that their control ports want, and their streams once the operator
    has told them to take routers only; read again at each connection."""
    credentials_directory: str = "/var/run/secrets/kubernetes.io/serviceaccount"
    """Where the pod's ServiceAccount is mounted: `token`, `ca.crt` and `namespace`; the token is
    read again at each request. The account must be allowed to list and watch EndpointSlices."""

    @model_validator(mode="after")
    def _services_are_told_apart(self) -> Self:
        names = [service.name for service in self.services]
        twice = sorted({name for name in names if names.count(name) > 1})
        broken = [("services", f"{name} is there twice; remove one") for name in twice]
        if broken:
            raise broken_rules(broken)
        return self


class TlsConfig(Config):
    """A certificate, to serve `https:` and `wss:`; both files are PEM, and are read again when they
    change. Unset: plain, for behind what terminates TLS."""

    cert_file: str | None = None
    """The certificate, and behind it those that lead to the authority's."""
    key_file: str | None = None
    """Its private key, without a password."""

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if (self.cert_file is None) != (self.key_file is None):
            raise broken_rules([("", "give both cert_file and key_file, or none")])
        return self


class RouterSettings(Config):
    """One address in front of several servers."""

    host: str = "127.0.0.1"
    """Address to listen on; `::` is every address of the machine."""
    port: int = Field(default=9000, ge=0, le=65535)
    """TCP port; 0 takes a free one."""
    replicas: tuple[ReplicaConfig, ...] = Field(default=(), max_length=MOST_BACKENDS)
    """The servers, each named once."""
    kubernetes: KubernetesConfig | None = None
    """Where they are found instead of `replicas`, by a router that runs in the cluster."""
    health_check: HealthCheckConfig = HealthCheckConfig()
    strategy: Strategy | None = None
    """Which replica gets a session: the one with the most free slots and among these the one with
    the least remaining work (`most-free`); by weights (`weighted`); the primary while it has a free
    slot, then the others in their order (`primary-first`); or the same one for the same `client_id`
    (`hash`). Unset: `primary-first` where a replica is primary, else `most-free`."""
    queue: QueueConfig = QueueConfig()
    failover_seconds: float = Field(default=30.0, ge=0, le=3600)
    """How long a session whose replica was lost may take to go on at another one, where replicas
    share a store of sessions; then it ends. 0: it ends at once."""
    keys_file: str | None = None
    """YAML file with the bearer keys of those who may open sessions (docs/router.md). It is read
    again when it changes. Unset: anybody may."""
    tls: TlsConfig = TlsConfig()
    control_token_file: str | None = None
    """File with the bearer token that `/metrics`, `/v1/backends` and `/v1/sessions` want. Unset:
    they answer on a loopback address only."""
    metrics_token_file: str | None = None
    """File with a bearer token that opens `/metrics` and nothing else, for who reads numbers."""
    open_metrics: bool = False
    """Whether `/metrics` needs no token."""
    message_bytes: int = Field(default=48 * 2**20, ge=1024, le=2**30)
    """Largest message from a client."""
    upload_bytes: int = Field(default=33 * 2**20, ge=65536, le=2**30)
    """Largest body of a request to `/v1/videos` and `/v1/images`; a server may take less
    (`jobs.upload_bytes`)."""
    heartbeat_seconds: float = Field(default=5.0, gt=0, le=3600)
    """Between two words to viewers that asked for them (`heartbeat`, docs/protocol.md): a page does
    not see pings."""
    shutdown_grace_seconds: float = Field(default=2.0, gt=0, le=3600)
    """How long the end may take, whatever viewers do: they are told why in it."""
    allowed_hosts: tuple[Annotated[str, Field(pattern=HOST_NAME, max_length=255)], ...] = ()
    """Names that the router may be asked by, besides its addresses, loopback's names and the
    machine's own: `video.example.com`, `*.example.com`, or `*` for any."""
    allowed_origins: tuple[Annotated[str, Field(pattern=ORIGIN, max_length=512)], ...] = ()
    """Origins of web pages that may open a stream, besides the router's own; `*` allows any."""
    limits: ConnectionLimits = ConnectionLimits(connections=8192)

    @property
    def chosen_strategy(self) -> Strategy:
        if self.strategy is not None:
            return self.strategy
        return "primary-first" if any(one.primary for one in self.replicas) else "most-free"

    @model_validator(mode="after")
    def _replicas_are_told_apart(self) -> Self:
        broken = [*self._repeated(), *self._without_a_port()]
        if not self.replicas and self.kubernetes is None:
            broken.append(("replicas", "there is none; name one, or set kubernetes"))
        if self.replicas and self.kubernetes is not None:
            broken.append(("replicas", "are found by kubernetes; remove one of the two"))
        if sum(replica.primary for replica in self.replicas) > 1:
            broken.append(("replicas", "several are primary; leave it at one"))
        if broken:
            raise broken_rules(broken)
        return self

    def _repeated(self) -> list[tuple[str, str]]:
        seen: set[str] = set()
        repeated = []
        for replica in self.replicas:
            if replica.address in seen:
                repeated.append(("replicas", f"{replica.address} is there twice; remove one"))
            seen.add(replica.address)
        return repeated

    def _without_a_port(self) -> list[tuple[str, str]]:
        urls = [url for one in self.replicas for url in (one.url, one.control_url) if url]
        return [("replicas", f"{url} is no address") for url in urls if not _is_address(url)]


class RouterConfig(Config):
    """`matinee router-serve --config`."""

    router: RouterSettings


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
