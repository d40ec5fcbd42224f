"""`GET /v1/download`: how far the fetching is, one JSON object a line, until it ends.

Python's own server: three dozen lines instead of an event loop beside threads that block.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from matinee.weights.fetch.progress import Progress
from matinee_api.contracts.pod_http import DOWNLOAD_PATH

logger = logging.getLogger(__name__)

MAX_LISTENERS = 16
"""At the same time; each is a thread. More are refused with 503."""
MAX_CONNECTIONS = 32
"""With those that have not asked so far; more are closed at once."""
_POLL_S = 0.05
"""How long the server's end may wait for its thread to see it."""
_STUCK_S = 5.0
"""A listener that takes no bytes for so long is given up."""


@contextlib.contextmanager
def telling(progress: Progress, listening: socket.socket) -> Iterator[None]:
    """Tell `progress` to whoever asks at the socket, which is closed at the end. Everybody is told
    the last state before that."""
    server = _Server(progress, listening)
    thread = threading.Thread(
        target=server.serve_forever, args=(_POLL_S,), name="progress", daemon=True
    )
    thread.start()
    logger.info("the progress is told at http://%s:%d%s", *server.server_address[:2], DOWNLOAD_PATH)
    try:
        yield
    finally:
        progress.close()
        server.shutdown()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # server_close() waits until all have been told

    def __init__(self, progress: Progress, listening: socket.socket) -> None:
        super().__init__(listening.getsockname()[:2], _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listening
        self.progress = progress
        self.places = threading.BoundedSemaphore(MAX_LISTENERS)
        self._connections = threading.BoundedSemaphore(MAX_CONNECTIONS)

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._connections.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._connections.release()


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = _STUCK_S

    def do_HEAD(self) -> None:
        """As GET, without the body, which would take as long as the fetching."""
        if self.path.partition("?")[0] == DOWNLOAD_PATH:
            self._begin()
        else:
            self.send_error(HTTPStatus.NOT_FOUND)

    def do_GET(self) -> None:
        if self.path.partition("?")[0] != DOWNLOAD_PATH:
            self.send_error(HTTPStatus.NOT_FOUND)
        elif not self.server.places.acquire(blocking=False):
            self.send_error(HTTPStatus.SERVICE_UNAVAILABLE, "too many listeners")
        else:
            try:
                self._tell()
            finally:
                self.server.places.release()

    def _begin(self) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "application/x-ndjson")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()

    def _tell(self) -> None:
        self._begin()
        with contextlib.suppress(OSError):  # the listener has gone
            for line in self.server.progress.lines():
                self.wfile.write(f"{line.model_dump_json()}\n".encode())

    def log_message(self, *_: object) -> None:
        """Requests are not worth a line."""
