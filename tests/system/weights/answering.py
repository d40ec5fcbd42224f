"""A server on loopback that answers everything alike; asked as a proxy, it is a whole network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


@dataclass(frozen=True)
class Asked:
    path: str
    headers: dict[str, str]
    """By their names in lower case."""


@contextmanager
def answering(
    *pieces: Any,
    headers: dict[str, str] | None = None,
    status: int = 200,
    heard: list[Asked] | None = None,
    at: Mapping[str, Sequence[Any]] | None = None,
) -> Iterator[str]:
    """Its address. It answers everything with these pieces, or what is `at` the longest path that
    the one which is asked for begins with; what it is asked goes to `heard`."""
    answers = {"/": pieces} if at is None else at
    handler = _handler(answers, headers or {}, status, [] if heard is None else heard)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def _handler(
    answers: Mapping[str, Sequence[Any]],
    headers: Mapping[str, str],
    status: int,
    heard: list[Asked],
) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            named = {name.lower(): value for name, value in self.headers.items()}
            heard.append(Asked(self.path, named))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            with suppress(OSError):  # the other side has had enough
                for part in self.parts():
                    self.wfile.write(part)

        def parts(self) -> Iterator[bytes]:
            path = max((one for one in answers if self.path.startswith(one)), key=len, default="/")
            for piece in answers.get(path, ()):
                yield from [piece] if isinstance(piece, bytes) else piece

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Quiet."""

    return Handler
