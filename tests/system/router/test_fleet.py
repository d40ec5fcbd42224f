"""`matinee up` with a router in the file, and the commands for who runs it."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.places import EXAMPLES, ROOT
from tests.system.end_to_end.serving import PATIENCE_S, Server, matinee_up, running
from tests.system.end_to_end.viewing import kinds_of, messages_of, session
from tests.system.router.routing import backends


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("fleet")
    with running(matinee_up(EXAMPLES / "three-services.yaml"), folder / "log") as server:
        server.eventually(lambda: all(one["slots"] for one in backends(server).values()))
        yield server
        assert server.stop(signal.SIGTERM) == 128 + signal.SIGTERM


def matinee(*words: str) -> str:
    """What the command prints."""
    done = subprocess.run(
        [sys.executable, "-m", "matinee", *words], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


async def test_three_services_are_one_address(fleet: Server, tmp_path: Path) -> None:
    """A viewer's server drains, then the next one is killed; it is started again."""
    async with session(fleet, seed=5) as viewer:
        first = await viewer.segment("a red ball")
        (mine,) = fleet.get("/v1/sessions").json()["sessions"]
        listed = matinee("sessions", fleet.url)
        assert f"{mine['session_id']}  playing  {mine['backend']}" in listed
        urls = {one["name"]: url for url, one in backends(fleet).items()}
        assert sorted(urls) == ["one-0", "three-0", "two-0"]

        assert "no session is left" in matinee("drain", urls[mine["backend"]], "--wait")
        await viewer.segment("a blue ball")
        (moved,) = fleet.get("/v1/sessions").json()["sessions"]
        assert moved["backend"] != mine["backend"]
        assert f"{mine['backend']:7}  draining  no" in matinee("sessions", fleet.url)
        assert "new sessions" in matinee("drain", urls[mine["backend"]], "--cancel")

        kill(fleet, urls[moved["backend"]])
        await viewer.segment("a green ball")
        items = await viewer.end()
    assert len(messages_of(viewer.items, "session_migrated")) == 2
    assert not messages_of(viewer.items, "error")
    assert first.fragments
    assert kinds_of(items)[-1] == "ltx2_stream_complete"
    fleet.eventually(lambda: all(one["takes_new"] for one in backends(fleet).values()))


MEMBER = """
import os, signal
from matinee.cli.fleet import end_with_fleet
end_with_fleet(os.environ)
print("ready: http://127.0.0.1:1/player", flush=True)
signal.pause()
"""
FLEET = """
import os, signal, sys
from matinee.cli.fleet import LocalServer
LocalServer("one", [sys.executable, "-c", sys.argv[1]]).wait_until_ready()
print("ready", flush=True)
signal.pause()
"""


def test_servers_end_with_a_fleet_that_is_killed() -> None:
    command = [sys.executable, "-c", FLEET, MEMBER]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as fleet:
        assert fleet.stdout is not None
        assert fleet.stdout.readline() == "ready\n"
        (member,) = psutil.Process(fleet.pid).children()
        fleet.kill()
        assert member.wait(PATIENCE_S) in (None, -signal.SIGTERM)  # None: it was another's child


def kill(fleet: Server, url: str) -> None:
    """The server that listens there."""
    port = int(url.rpartition(":")[2])
    (server,) = (
        child
        for child in psutil.Process(fleet.process.pid).children()
        if port in {one.laddr.port for one in child.net_connections("tcp")}
    )
    server.kill()
