"""What takes bytes from outside. Messages and what they bring along are in `stream_rows.py`, what
our own programs read in `reader_rows.py`."""

from __future__ import annotations

from tools.limits.job_rows import VIDEOS
from tools.limits.reader_rows import READERS
from tools.limits.router_rows import BACKENDS, VIEWERS
from tools.limits.row import Row, Section
from tools.limits.stream_rows import FIRST_MESSAGE, LATER_MESSAGES, WHAT_IS_BROUGHT

SMALL = "no body: one that comes is bounded as every body"
CONNECTIONS = (
    Row(
        "a TCP connection, silent or not",
        "{server.limits.connections} at once, {server.limits.connections_per_address} of "
        "an address; the one that has been silent for longest gives way",
        reads=("matinee/serving/guests.py",),
    ),
    Row(
        "request line and headers",
        "{server.limits.head_bytes}, {server.limits.headers}, "
        "{server.limits.head_seconds}: 414, 431, 408",
        reads=("matinee/serving/http_protocol.py",),
    ),
    Row(
        "a TLS handshake (of a router)",
        "{matinee.serving.tls:HANDSHAKE_S}; {matinee.serving.tls_server:MOST_OF_ADDRESS} at once "
        "of an address, {matinee.serving.tls_server:MOST_SHAKING} in all",
        reads=("matinee/serving/tls_server.py",),
    ),
    Row(
        "a body, chunked or not, on any route",
        "{server.limits.body_bytes}, {server.limits.body_seconds}: 413, 408",
    ),
    Row(
        "requests that follow on one connection",
        "one at a time, {matinee.serving.http_protocol:MOST_PIPELINED} more wait; idle for "
        "{server.limits.keep_alive_seconds}",
    ),
    Row(
        "what is not read",
        "cut off after {server.limits.unread_seconds}; a closing connection after "
        "{server.limits.close_seconds}",
    ),
    Row(
        "time on the event loop",
        "all connections take turns; parsing stops after a few milliseconds and goes on in the "
        "next "
        "turn",
        reads=("matinee/serving/turns.py",),
    ),
    Row(
        "`Host` and `Origin`",
        "loopback names, addresses, the machine's own names, `server.allowed_hosts`: else 421; "
        "pages "
        "of other origins 403",
        reads=("matinee/serving/host_guard.py", "matinee/serving/names.py"),
    ),
)
PUBLIC = (
    Row("`/`", SMALL),
    Row("`/player`", SMALL, covers=("/player/{name}",)),
    Row("`/healthz`", SMALL),
    Row("`/health`", SMALL),
    Row("`/readyz`", SMALL),
    Row("`/status`", SMALL),
    Row("`/openapi.json`", SMALL),
    Row("`/v1/models`", SMALL, covers=("/v1/models/{name:path}", "/v1/model_info")),
    Row(
        "`/v1/stream`",
        "the upgrade is a request with lines of {matinee.serving.http_protocol:MOST_LINE_BYTES} at "
        "most: 414, 431; what follows is below",
    ),
    Row("any other path of a WebSocket", "404 before the upgrade", covers=("/{path:path}",)),
)
CONTROL = (
    Row(
        "`/v1/slots`",
        "401",
        "a line at each change and every 15 s; changes that a reader is too slow for are merged",
        reads=("matinee/serving/line_feed.py",),
    ),
    Row(
        "`/v1/drain`",
        "401 before the body is parsed",
        "a `DrainOrder`: deadline_seconds from 0 to 86,400",
        reads=("matinee/server/control.py", "matinee/serving/access.py"),
    ),
    Row("`/v1/door`", "401 before the body is parsed", "a `DoorOrder`: true or false"),
    Row("`/v1/prompts/reload`", "401", "no body; three files are read"),
    Row(
        "tokens that this program wants or brings",
        "{matinee.serving.bearers:MAX_FILE_BYTES} of their file, which is read at each question",
        reads=("matinee/serving/bearers.py", "matinee/router/tokens.py"),
    ),
    Row("`/metrics`", "401, unless `server.open_metrics`", SMALL),
)
SECTIONS = (
    Section(
        "Every connection",
        "Before anything is known of who is at the other end, on both ports.",
        ("bound", ""),
        CONNECTIONS,
    ),
    Section("Routes of the public port", "", ("bound", ""), PUBLIC),
    Section(
        "`/v1/videos` and `/v1/images`",
        "Videos that are made in the background ([openai.md](openai.md)).",
        ("bound", ""),
        VIDEOS,
    ),
    Section(
        "Routes of the control port",
        "The probes of the public port are here too. Locally one port serves both: on loopback no "
        "token "
        "is needed where none is set, elsewhere the routes are then off (403).",
        ("without the token", "with it"),
        CONTROL,
    ),
    Section(
        "`/v1/stream`: frames and the first message",
        "",
        ("before a slot or a place in the queue", "after"),
        FIRST_MESSAGE,
    ),
    Section(
        "`/v1/stream`: what a first message brings along",
        "",
        ("before a slot or a place in the queue", "after"),
        WHAT_IS_BROUGHT,
    ),
    Section(
        "`/v1/stream`: later messages",
        "Frames of all kinds count into `server.limits.frames_per_second`.",
        ("bytes and values", "work and memory"),
        LATER_MESSAGES,
    ),
    Section(
        "The router: viewers",
        "`matinee router-serve`; what holds for every connection holds here under `router.limits`.",
        ("before there is a backend for it", "after"),
        VIEWERS,
    ),
    Section(
        "The router: backends",
        "They may be anybody's, and die in the midst of anything.",
        ("bound", ""),
        BACKENDS,
    ),
    Section(
        "What our programs read",
        "Servers, buckets, files and pods may be anybody's too.",
        ("bound", ""),
        READERS,
    ),
)
