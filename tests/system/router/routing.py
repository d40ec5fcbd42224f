"""Routers in processes of their own, as users start them."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.system.end_to_end.serving import Server, running


@contextmanager
def routing(folder: Path, urls: Sequence[Any], **settings: Any) -> Iterator[Server]:
    """`urls`: of the backends, or their whole entries. `folder`: for the configuration and the
    log."""
    replicas = [{"url": one} if isinstance(one, str) else one for one in urls]
    health = {"interval_seconds": 0.2, "failure_threshold": 2, "recovery_threshold": 1}
    router = {"port": 0, "replicas": replicas, "health_check": health, **settings}
    config = folder / "router.yaml"
    config.write_text(json.dumps({"router": router}))
    with running(command(config), folder / "router.log") as server:
        server.eventually(lambda: server.get("/readyz").status_code == 200)
        yield server


def command(config: Path) -> list[str]:
    return [sys.executable, "-m", "matinee", "router-serve", "--config", str(config)]


def backends(router: Server) -> dict[str, dict[str, Any]]:
    """What the router knows of each, by its address."""
    return {one["url"]: one for one in router.get("/v1/backends").json()["backends"]}


def know_slots(router: Server, urls: Sequence[str]) -> None:
    """Wait until the router has heard of the slots of all these."""
    router.eventually(lambda: all(backends(router)[url]["slots"] for url in urls))
