"""Routers in processes of their own, as users start them."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.system.end_to_end.serving import Server, fake_server, running


@contextmanager
def routing(folder: Path, urls: Sequence[Any], **settings: Any) -> Iterator[Server]:
    """`urls`: of the backends, or their whole entries. `folder`: for the configuration and the
    log."""
    replicas = [{"url": one} if isinstance(one, str) else one for one in urls]
    health = {"interval_seconds": 0.2, "failure_threshold": 2, "recovery_threshold": 1}
    limits = {"streams_per_second": 0}  # all viewers of a test have one address
    router = {"port": 0, "replicas": replicas, "health_check": health, "limits": limits, **settings}
    config = folder / "router.yaml"
    config.write_text(json.dumps({"router": router}))
    with running(command(config), folder / "router.log") as server:
        server.eventually(lambda: server.get("/readyz").status_code == 200)
        yield server


@contextmanager
def sharing(folder: Path, count: int, **streaming: Any) -> Iterator[list[Server]]:
    """So many servers, which share a store: a folder, if nothing else is said. They may end."""
    state = {"store": "file", "directory": str(folder / "kept")}
    started = fake_server(**{"state": state, **streaming})
    with ExitStack() as stack:
        servers = [
            stack.enter_context(running(started, folder / f"log-{index}", ready=False))
            for index in range(count)
        ]
        for server in servers:  # they start side by side
            server.wait_until_ready()
        yield servers


def command(config: Path) -> list[str]:
    return [sys.executable, "-m", "matinee", "router-serve", "--config", str(config)]


def backends(router: Server) -> dict[str, dict[str, Any]]:
    """What the router knows of each, by its address."""
    return {one["url"]: one for one in router.get("/v1/backends").json()["backends"]}


def know_slots(router: Server, urls: Sequence[str]) -> None:
    """Wait until the router has heard of the slots of all these."""
    router.eventually(lambda: all(backends(router)[url]["slots"] for url in urls))
