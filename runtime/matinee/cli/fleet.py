"""Services behind a router on this machine: a process for each server, the router in this one.

A server that ends is started again at its address, as a cluster would do it. All end with this
process, also when it is killed: it holds the other end of their stdin.
"""

from __future__ import annotations

import itertools
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from urllib.parse import urlsplit

from matinee.errors import MatineeError
from matinee.serving.access import ADMIN_TOKEN_VARIABLE
from matinee_api.backoff import backoff
from matinee_api.config.errors import config_error
from matinee_api.config.resources import Resources
from matinee_api.kinds.router import Router

READY = "ready: "
PAGE = "/player"
TETHERED_VARIABLE = "MATINEE_ENDS_WITH_STDIN"
STOP_S = 10.0
FIRST_RETRY_S, LONGEST_RETRY_S = 0.5, 30.0

logger = logging.getLogger(__name__)


class LocalServer:
    """`command`: without its port. It listens on loopback, so it needs no token."""

    def __init__(self, name: str, command: Sequence[str]) -> None:
        self.name = name
        self.url = ""
        self._command = command
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._keeper = threading.Thread(target=self._keep, name=f"keeps {name}", daemon=True)
        self._process = self._started(port=0)

    def wait_until_ready(self) -> None:
        """Raises `MatineeError` when it ends before."""
        self.url = self._announced().removesuffix(PAGE)
        if not self.url:
            raise MatineeError(f"{self.name} has not started; what it said stands above")
        self._keeper.start()

    def stop(self) -> None:
        """Its sessions are told."""
        self._stopping.set()
        with self._lock:
            self._process.terminate()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def _started(self, port: int) -> subprocess.Popen[str]:
        environment = {**os.environ, TETHERED_VARIABLE: "1"}
        environment.pop(ADMIN_TOKEN_VARIABLE, None)
        return subprocess.Popen(  # noqa: S603 (this program)
            [*self._command, "--port", str(port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
            start_new_session=True,  # Ctrl-C is the router's: it tells the viewers
        )

    def _announced(self) -> str:
        line = self._process.stdout.readline() if self._process.stdout else ""
        return line.strip().removeprefix(READY) if line.startswith(READY) else ""

    def _keep(self) -> None:
        for failures in itertools.count(1):
            code = self._process.wait()
            if self._stopping.wait(backoff(failures, FIRST_RETRY_S, LONGEST_RETRY_S)):
                return
            logger.warning("%s ended with %d; it is started again", self.name, code)
            with self._lock:
                if self._stopping.is_set():
                    return
                self._process = self._started(urlsplit(self.url).port or 0)
            self._announced()


def end_with_fleet(environment: Mapping[str, str]) -> None:
    """In a server that may be one of a fleet: go when that does, as told to."""
    if environment.get(TETHERED_VARIABLE):
        threading.Thread(target=_end_with_stdin, name="ends with the fleet", daemon=True).start()


def _end_with_stdin() -> None:
    while os.read(0, 1):  # nobody writes
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def run_fleet(
    file: str,
    wanted: Sequence[tuple[str, str]],
    state_directory: str,
    serve: Callable[[Sequence[str]], int],
) -> int:
    """Run a server for each name and service, and call `serve` with their addresses once all are
    ready. Raises `MatineeError`."""
    command = [sys.executable, "-m", "matinee", "up", "-f", file, "--state-dir", state_directory]
    members = [(name, [*command, "--service", service]) for name, service in wanted]
    with _running(members) as servers:
        return serve([one.url for one in servers])


def servers_of(file: str, resources: Resources, router: Router) -> list[tuple[str, str]]:
    """A name for each server, and its service. Raises `ConfigError`."""
    replicas = {one.metadata.name: one.spec.replicas for one in resources.services}
    named = [reference.name for reference in router.spec.services]
    for name in named:
        if name not in replicas:
            path = f"{file}: Router/{router.metadata.name}: spec.services"
            present = ", ".join(replicas) or "none"
            raise config_error(
                f"no StreamingService {name}", path=path, remedy=f"present: {present}"
            )
    wanted = [(f"{name}-{index}", name) for name in named for index in range(replicas[name])]
    if not wanted:
        raise config_error("no service has replicas", remedy="set spec.replicas of one to 1")
    return wanted


@contextmanager
def _running(members: Sequence[tuple[str, Sequence[str]]]) -> Iterator[list[LocalServer]]:
    """All at once: they start side by side. Raises `MatineeError`."""
    servers: list[LocalServer] = []
    try:
        servers.extend(LocalServer(*member) for member in members)
        for server in servers:
            server.wait_until_ready()
        yield servers
    finally:
        for server in servers:
            server.stop()
