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

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if heard is not None:
                named = {name.lower(): value for name, value in self.headers.items()}
                heard.append(Asked(self.path, named))
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.end_headers()
            with suppress(OSError):  # the other side has had enough
                for piece in self.answer():
                    for part in piece if not isinstance(piece, bytes) else [piece]:
                        self.wfile.write(part)

        def answer(self) -> Sequence[Any]:
            if at is None:
                return pieces
            return at[max((path for path in at if self.path.startswith(path)), key=len)]

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
