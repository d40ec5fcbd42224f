"""What a hostile or broken client may say over HTTP: request lines, headers and bodies of all
kinds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from tools.fuzz import grammar, jobs

PATHS = (
    *("/", "/health", "/healthz", "/readyz", "/status", "/metrics", "/player", "/player/player.js"),
    *("/v1/stream", "/v1/slots", "/v1/drain", "/v1/door", "/v1/prompts/reload"),
    *("/v1/videos/generations", "/v1/videos/extensions", "/v1/videos/characters"),
    *("/v1/models", "/v1/models/fake", "/v1/model_info", "/openapi.json"),
    *("/v1/videos", "/v1/videos?limit=0&order=up", "/v1/videos/video_0", "/v1/videos/x/remix"),
    *(
        "/v1/videos/video_0/content?variant=x",
        "/v1/videos/edits",
        "/v1/images/generations",
        "/v1/images/edits",
    ),
)
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT", "PRI")
ODD_METHODS = ("get", "", "G\0T", "GET" * 30, "POST\t", "é", "M-SEARCH", "\r\nGET")
VERSIONS = ("HTTP/1.1", "HTTP/1.0", "HTTP/0.9", "HTTP/2.0", "HTTP/1.1 ", "http/1.1", "HTTP/11", "")
JOBS_SHARE = 0.4
"""Of all requests those that mean to be understood by OpenAI's API."""
LONGEST = 70_000
"""Bytes: somewhat more than a server takes."""
HEADERS = (
    *("Host: localhost", "Host: 127.0.0.1:1", "Host: evil.example", "Host:", "Host: a\r\nHost: b"),
    *("Host: localhost:99999", "Host: user@localhost", "Host: [::1", "Host: é"),
    *("Content-Length: 0", "Content-Length: 5", "Content-Length: -1", "Content-Length: +5"),
    *("Content-Length: 99999999999999999999", "Content-Length: 5\r\nContent-Length: 6"),
    *("Content-Length: 5, 5", "Content-Length: 0x5", "Content-Length: 4000000000"),
    *("Transfer-Encoding: chunked", "Transfer-Encoding: gzip, chunked", "Transfer-Encoding: x"),
    *("Transfer-Encoding: chunked\r\nContent-Length: 5", "Transfer-Encoding : chunked"),
    *("Content-Type: application/json", "Content-Type: multipart/form-data; boundary=b"),
    *("Content-Type: multipart/form-data", "Idempotency-Key: a", "Idempotency-Key: é"),
    *("Connection: close", "Connection: keep-alive", "Connection: upgrade", "Connection: a,b,,"),
    *("Upgrade: websocket", "Upgrade: h2c", "Upgrade: websocket, websocket", "HTTP2-Settings: AAA"),
    *("Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 99", "Sec-WebSocket-Version: a"),
    *("Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", "Sec-WebSocket-Key: x", "Sec-WebSocket-Key:"),
    *(
        "Sec-WebSocket-Protocol: a, b",
        "Sec-WebSocket-Protocol: \x01",
        "Sec-WebSocket-Extensions: ;",
    ),
    *("Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=99",),
    *(
        "Origin: http://localhost",
        "Origin: null",
        "Origin: http://[",
        "Origin: http://evil.example",
    ),
    *(
        "Expect: 100-continue",
        "Expect: x",
        "Range: bytes=0-",
        "Range: bytes=9-1,,-",
        "TE: trailers",
    ),
    *('If-None-Match: "a"', "If-None-Match: *", "Accept-Encoding: gzip", "Cookie: a=b; c"),
    *(
        "Authorization: Bearer x",
        "Authorization: Bearer é",
        "Authorization:",
        "X-Forwarded-For: ::",
    ),
    *(" folded: header", "no colon", ": no name", "a\0b: c", "a: \0", "a: \x7f\x80\xff", "A : b"),
)
CHUNKS = (
    *(
        b"0\r\n\r\n",
        b"5\r\nhello\r\n0\r\n\r\n",
        b"5\r\nhello\r\n",
        b"-1\r\nx\r\n",
        b"\r\n",
        b"zz\r\n",
    ),
    *(
        b"ffffffffffffffff\r\nx",
        b"5;ext=" + b"a" * 300 + b"\r\nhello\r\n",
        b"0\r\nTrailer: a\r\n\r\n",
    ),
)
UPGRADE = (
    "Host: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="
)


@dataclass(frozen=True, slots=True)
class Requests:
    """What one connection sends, one case after the other."""

    frames: list[bytes]

    @property
    def cases(self) -> int:
        return len(self.frames)


def requests(rng: Random) -> Requests:
    return Requests([_either(rng) for _ in range(rng.choice((1, 1, 2, 4)))])


def _either(rng: Random) -> bytes:
    return jobs.request(rng) if rng.random() < JOBS_SHARE else _request(rng)


def _request(rng: Random) -> bytes:
    if rng.random() < 0.03:
        return rng.randbytes(rng.choice((1, 20, 3000)))
    line = _line(rng)
    headers = "\r\n".join(_headers(rng))
    body = _body(rng)
    if rng.random() < 0.4 and body:  # most bodies are lost for want of a true length
        headers += f"\r\nContent-Length: {len(body)}"
    whole = f"{line}\r\n{headers}\r\n\r\n".encode("latin-1", "replace") + body
    return whole if rng.random() < 0.95 else whole[: rng.randrange(len(whole))]


def _line(rng: Random) -> str:
    method = rng.choice(METHODS if rng.random() < 0.9 else ODD_METHODS)
    version = VERSIONS[0] if rng.random() < 0.85 else rng.choice(VERSIONS)
    return f"{method} {_target(rng)} {version}"


def _target(rng: Random) -> str:
    path = rng.choice(PATHS)
    if rng.random() < 0.6:
        return path
    odd: tuple[Callable[[], str], ...] = (
        lambda: f"{path}?{'a=b&' * rng.choice((1, 50))}",
        lambda: f"http://evil.example{path}",
        lambda: f"/{path}/",
        lambda: f"{path}/../../etc/passwd",
        lambda: path.replace("/", "%2f") + "%00%zz%ff",
        lambda: "*",
        lambda: "evil.example:443",
        lambda: f"{path}#\x7f\xff",
        lambda: path + "a" * rng.choice((300, LONGEST)),
        lambda: "",
    )
    return rng.choice(odd)()


def _headers(rng: Random) -> list[str]:
    if rng.random() < 0.1:
        return [UPGRADE, *rng.sample(HEADERS, 1)]
    chosen = ["Host: localhost"] if rng.random() < 0.8 else []
    chosen += rng.sample(HEADERS, rng.choice((0, 1, 2, 4)))
    draw = rng.random()
    if draw < 0.02:
        chosen += ["a: b"] * rng.choice((100, 1000, LONGEST // 6))
    elif draw < 0.04:
        chosen.append("x: " + "a" * LONGEST)
    return chosen


def _body(rng: Random) -> bytes:
    draw = rng.random()
    if draw < 0.5:
        return b""
    if draw < 0.7:
        return b"".join(rng.choices(CHUNKS, k=rng.randint(1, 3)))
    if draw < 0.9:
        order = {"deadline_seconds": grammar.odd_value(rng, 1), "on_deadline": "close"}
        return grammar.dumped(order).encode("utf-8", "replace")
    return rng.randbytes(rng.choice((5, 2000)))
