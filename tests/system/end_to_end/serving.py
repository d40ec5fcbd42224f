"""Servers in processes of their own, as users start them, and what one sees of them from outside.

`matinee_up` runs the command with a model; `fake_server` runs the same server over a backend
without torch (tests/unit/runtime/worker/fake_engine.py), which starts at once and obeys prompts.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
from prometheus_client.parser import text_string_to_metric_families

from matinee_api.config.runtime_config import ServeConfig
from tests.places import ROOT

PATIENCE_S = 180.0
"""For what ought to happen at once, on a machine that is busy with something else."""
TETHER = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
"""No server outlives tests that are killed themselves."""


@dataclass
class Server:
    """One server process. `log`: its stderr."""

    process: subprocess.Popen[str]
    log: Path
    url: str = ""

    @property
    def host(self) -> str:
        return str(httpx.URL(self.url).host)

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def line(self) -> str:
        """The next line of its stdout; empty when it has ended."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def wait_until_ready(self) -> None:
        line = self.line()
        assert line.startswith("ready: http://"), f"{line!r}\n{self.log.read_text()}"
        assert line.endswith("/player")
        self.url = line.removeprefix("ready: ").removesuffix("/player")

    def listening_port(self) -> int:
        """Of a server that is not ready and has not told it so far."""
        (connection,) = (
            connection
            for connection in psutil.Process(self.process.pid).net_connections("tcp")
            if connection.status == psutil.CONN_LISTEN
        )
        return int(connection.laddr.port)

    def control_url(self) -> str:
        """Of a server with a control port."""
        process = psutil.Process(self.process.pid)
        listening = [
            connection.laddr.port
            for connection in process.net_connections("tcp")
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port != self.port
        ]
        return f"http://127.0.0.1:{listening[0]}"

    def get(self, path: str) -> httpx.Response:
        return httpx.get(self.url + path, timeout=PATIENCE_S)

    def post(self, path: str, body: object) -> httpx.Response:
        return httpx.post(self.url + path, json=body, timeout=PATIENCE_S)

    def metric(self, name: str, **labels: str) -> float:
        """The value of a metric, 0 when it has none so far."""
        for family in text_string_to_metric_families(self.get("/metrics").text):
            for sample in family.samples:
                if sample.name == name and labels.items() <= sample.labels.items():
                    return float(sample.value)
        return 0.0

    def slots(self) -> dict[str, Any]:
        """What `/v1/slots` says now."""
        return next(self.slot_lines())

    def slot_lines(self) -> Iterator[dict[str, Any]]:
        with httpx.stream("GET", self.url + "/v1/slots", timeout=PATIENCE_S) as response:
            for line in response.iter_lines():
                yield json.loads(line)

    def wait_for_slots(self, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The first state that `holds` likes."""
        deadline = time.monotonic() + PATIENCE_S
        for state in self.slot_lines():
            if holds(state):
                return state
            assert time.monotonic() < deadline, state
        raise AssertionError("/v1/slots ended")

    def wait_until_idle(self) -> None:
        self.wait_for_slots(lambda state: state["used"] == 0 and state["queued"] == 0)

    def eventually(self, holds: Callable[[], bool]) -> None:
        """Ask again and again, with a round trip to the server in between."""
        deadline = time.monotonic() + PATIENCE_S
        while not holds():
            assert time.monotonic() < deadline, "this never came true"
            self.get("/healthz")

    def counted(self) -> dict[str, Any]:
        """How many `tasks` and `objects` it has, and how many tasks are `doing` what; only a fake
        server tells it."""
        self.process.send_signal(signal.SIGUSR1)
        counts: dict[str, Any] = json.loads(self.line())
        return counts

    def count(self, what: str) -> int:
        return int(self.counted()[what])

    def worker(self) -> psutil.Process:
        """The process that computes."""
        (worker,) = self.workers()
        return worker

    def workers(self) -> list[psutil.Process]:
        """The processes that compute, in no order."""
        children = psutil.Process(self.process.pid).children()
        return [child for child in children if "multiprocessing.spawn" in words_of(child)]

    def family(self) -> list[psutil.Process]:
        """The server and all its children."""
        server = psutil.Process(self.process.pid)
        return [server, *server.children(recursive=True)]

    def stop(self, sign: signal.Signals = signal.SIGTERM) -> int:
        """Its exit code."""
        self.process.send_signal(sign)
        return self.process.wait(PATIENCE_S)


@contextmanager
def running(command: Sequence[str], log: Path, *, ready: bool = True) -> Iterator[Server]:
    """`ready`: wait for its line on stdout."""
    with log.open("w") as stderr:
        process = subprocess.Popen(
            [*TETHER, *command],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            start_new_session=True,
            env=os.environ,
        )
    with process:
        try:
            server = Server(process, log)
            if ready:
                server.wait_until_ready()
            yield server
        finally:
            process.kill()


def matinee_up(resources: Path, *words: str, port: int = 0) -> list[str]:
    """The command line."""
    command = [sys.executable, "-m", "matinee", "up", "-f", str(resources), "--port", str(port)]
    return [*command, *words]


def fake_server(
    host: str = "127.0.0.1",
    jobs: Mapping[str, object] | None = None,
    *,
    streams_per_second: int = 0,
    **streaming: Any,
) -> list[str]:
    """The command line of `fake_server.py`. `streams_per_second`: of a test's viewers, who have one
    address; 0: no limit; `streaming`, `jobs`: keys of the configuration's sections."""
    server = {"host": host, "limits": {"streams_per_second": streams_per_second}}
    return _command("fake_server", server, streaming, jobs)


def fake_pod(**server: object) -> list[str]:
    """The same, with keys of the configuration's section `server`."""
    return _command("fake_server", server, {})


def jobs_server(directory: Path, **jobs: object) -> list[str]:
    """The same, with jobs in that folder, and keys of the configuration's section `jobs`."""
    host = {"host": "127.0.0.1"}
    return _command("fake_server", host, {}, {"directory": str(directory), **jobs})


def tone_server() -> list[str]:
    """The command line of `tone_server.py`."""
    return _command("tone_server", {"host": "127.0.0.1"}, {})


GENEROUS = {"max_pixels": 128 * 128, "max_steps": 200, "max_work": 2**40}
"""The fake engine paints 32x32 pixels in 4 steps at no cost; more than the product's own multiples
of that are asked of it."""


def _command(
    program: str,
    server: Mapping[str, object],
    streaming: Mapping[str, Any],
    jobs: Mapping[str, object] | None = None,
) -> list[str]:
    changed = {**streaming, "limits": GENEROUS | streaming.get("limits", {})}
    config = ServeConfig.model_validate(
        {
            "generator": {"model_path": "fake", "engine": {"device": "cpu"}},
            "server": {"port": 0, **server},
            "streaming": {"max_sessions": 4, "warmup": {"enabled": False}, **changed},
            "jobs": jobs or {},
        }
    )
    return [
        sys.executable,
        "-m",
        f"tests.system.end_to_end.{program}",
        config.model_dump_json(),
    ]


def shared_memory_of(processes: Sequence[psutil.Process]) -> set[Path]:
    """Files in /dev/shm that these processes have open or mapped."""
    found = set()
    for process in processes:
        folders = [Path(f"/proc/{process.pid}/{name}") for name in ("fd", "map_files")]
        targets = [_target(link) for folder in folders for link in _links(folder)]
        found |= {Path(target) for target in targets if target.startswith("/dev/shm/")}  # noqa: S108
    return found


def words_of(process: psutil.Process) -> str:
    """Its command line; empty where it has ended meanwhile."""
    try:
        return " ".join(process.cmdline())
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return ""


def memory_bytes_of(processes: Sequence[psutil.Process]) -> int:
    """Of those that are still there."""
    total = 0
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            total += process.memory_info().rss
    return total


def _links(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _target(link: Path) -> str:
    try:
        return os.readlink(link).removesuffix(" (deleted)")
    except OSError:
        return ""
