"""What a connection may cost before anybody knows who is at its other end."""

from __future__ import annotations

from pydantic import Field

from matinee_api.config.config_model import Config


class ConnectionLimits(Config):
    """What one connection may cost, and how many there may be."""

    connections: int = Field(default=1024, ge=8, le=100_000)
    """Most connections at once to each port. Past it the one that has been silent for longest is
    closed for a new one; those that stream or wait for an answer stay. Fewer when the process may
    not open so many files."""
    connections_per_address: int = Field(default=256, ge=0, le=100_000)
    """The same for each address of a client; 0 = no limit. A router or a proxy brings all clients
    from one address: there it must be above the slots and `streaming.max_queue` together."""
    head_bytes: int = Field(default=64 * 1024, ge=1024, le=2**20)
    """Request line and headers together; more is answered with 431 or 414."""
    headers: int = Field(default=100, ge=8, le=1000)
    """Most headers of a request; more are answered with 431."""
    body_bytes: int = Field(default=64 * 1024, ge=1024, le=2**30)
    """Largest body of a request as it comes over the network; a larger one is answered with 413."""
    head_seconds: float = Field(default=10.0, gt=0, le=3600)
    """How long a request line with its headers may take, counted from the connection's begin."""
    body_seconds: float = Field(default=60.0, gt=0, le=3600)
    """How long a body may take."""
    keep_alive_seconds: int = Field(default=5, ge=1, le=3600)
    """How long a connection is kept after an answer for the next request."""
    first_message_seconds: float = Field(default=60.0, gt=0, le=86400)
    """How long the first message on `/v1/stream` may take. No longer than
    `streaming.session_timeout_seconds`."""
    long_messages_bytes: int = Field(default=16 * 2**20, ge=2**20, le=2**36)
    """Memory for messages of more than 64 KiB that have come in part or are being read or decoded,
    of all connections together; the others wait. The one that came first does not count: it may
    always grow, up to `streaming.limits.message_bytes`."""
    frames_per_second: int = Field(default=250, ge=1, le=100_000)
    """Frames that a client may send on `/v1/stream`, pings and empty ones included; twice as many
    at once. More end the connection with 1008. Long parts of long messages do not count."""
    streams_per_second: int = Field(default=10, ge=0, le=100_000)
    """Streams that each address of a client may open on `/v1/stream`; five times as many at once; 0
    = no limit. More are answered with 429. A proxy brings all clients from one address."""
    unresponsive_seconds: float = Field(default=20.0, gt=0, le=3600)
    """A ping, sent every 20 s, that is not answered for so long ends the connection with 1011."""
    unread_seconds: float = Field(default=60.0, gt=0, le=3600)
    """A client that reads nothing of what waits for it for so long is cut off."""
    close_seconds: float = Field(default=30.0, gt=0, le=3600)
    """How long a client may take to read what waits for it when its connection is closed; then it
    is cut off."""
