"""A Redis or Valkey server of the distribution, in a process of its own that ends with the test."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tools.system_packages import found

PATIENCE_S = 60.0
READY = "eady to accept connections"


@dataclass
class RedisServer:
    """`url`: of its socket."""

    process: subprocess.Popen[str]
    url: str

    def stop(self) -> None:
        self.process.kill()
        self.process.wait(PATIENCE_S)


@contextmanager
def redis_server(folder: Path, *settings: str) -> Iterator[RedisServer]:
    """`settings`: more of its command line. It listens on a socket in the folder, on no port unless
    it is told to, and keeps nothing on the disk."""
    path = folder / "redis.sock"
    quiet = ["--port", "0", "--unixsocket", str(path), "--save", "", "--dir", str(folder)]
    with redis_program([*quiet, *settings], READY) as process:
        yield RedisServer(process, f"unix://{path}")


@contextmanager
def redis_program(words: Sequence[str], ready: str) -> Iterator[subprocess.Popen[str]]:
    """It runs and has said that it is `ready`."""
    program = found("redis-server")
    assert program is not None
    process = subprocess.Popen([program, *words], stdout=subprocess.PIPE, text=True)
    with process:
        try:
            assert process.stdout is not None
            line = " "
            while line and ready not in line:
                line = process.stdout.readline()
            assert line, "it ended"
            yield process
        finally:
            process.kill()
