from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.system.end_to_end.serving import Server, fake_server, running
from tests.system.router.routing import know_slots, routing

PAIR = 2


@pytest.fixture(scope="session")
def pods(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Server]]:
    """Two of them, with two slots each. Tests leave them as they found them."""
    folder = tmp_path_factory.mktemp("pods")
    with ExitStack() as stack:
        servers = [
            stack.enter_context(
                running(fake_server(max_sessions=2), folder / f"log-{index}", ready=False)
            )
            for index in range(PAIR)
        ]
        for server in servers:  # they start side by side
            server.wait_until_ready()
        yield servers


@pytest.fixture(scope="session")
def router(pods: list[Server], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """In front of both; two viewers may wait. Tests leave it as they found it."""
    urls = [pod.url for pod in pods]
    queue = {"max_waiting": 2}
    with routing(tmp_path_factory.mktemp("router"), urls, queue=queue) as server:
        know_slots(server, urls)
        yield server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path
