"""How a server ends: every session is told, and nothing is left behind."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import psutil
import pytest

from matinee_api.config.runtime_config import ServerConfig
from matinee_api.signals import ENDING, MEANINGLESS
from tests.system.end_to_end.attacking import crowding, ended_under, grace_held
from tests.system.end_to_end.conftest import StartFake
from tests.system.end_to_end.serving import (
    PATIENCE_S,
    Server,
    matinee_up,
    running,
    shared_memory_of,
)
from tests.system.end_to_end.viewing import Viewer, session
from tests.unit.runtime.worker.stepping import Gate

END_S = 3.0
DRAINED = {"type": "ltx2_stream_complete", "reason": "drained"}


def _patience() -> float:
    """`END_S`, where nothing else wants the cores."""
    return END_S * 2 * crowding()


async def _told(*viewers: Viewer) -> None:
    for viewer in viewers:
        items = await viewer.rest()
        assert items[-1] == DRAINED
        assert viewer.close_code == 1012


def _check_nothing_is_left(family: list[psutil.Process], blocks: set[Path]) -> None:
    _, alive = psutil.wait_procs(family, timeout=PATIENCE_S)
    assert alive == []
    assert [block for block in blocks if block.exists()] == []


@pytest.mark.parametrize("sign", ENDING)
async def test_a_signal_ends_open_sessions_with_1012_and_leaves_nothing(
    start_fake: StartFake, gate: Gate, sign: signal.Signals
) -> None:
    """One is in mid-segment, in a step that does not end; one is idle; one waits for a slot."""
    server = start_fake(max_sessions=2)
    async with session(server) as busy, session(server) as idle:
        await busy.ask(gate.order)
        await gate.arrival()
        await idle.hear("ltx2_stream_start")
        async with session(server) as waiting:
            await waiting.hear("queue_status")
            family = server.family()
            started = time.monotonic()
            server.process.send_signal(sign)
            await _told(busy, idle, waiting)
            assert server.process.wait(PATIENCE_S) == 0
            assert time.monotonic() - started < _patience()
    _check_nothing_is_left(family, set())
    assert "Traceback" not in server.log.read_text()


AT_ONCE = (
    *("pings whose pongs are never read", "small messages", "snapshots", "pipelined requests"),
    *("viewers who come and go", "readers of /v1/slots", "states of 33 large frames"),
)


async def test_the_grace_holds_whatever_strangers_do(start_fake: StartFake) -> None:
    """They hold the slots and the places, read nothing, and come back while it ends."""
    server = start_fake(streams_per_second=10)
    code, took_s = await ended_under(AT_ONCE, server)
    assert code == 0
    assert grace_held(ServerConfig().shutdown_grace_seconds, took_s)
    assert "Traceback" not in server.log.read_text()


async def test_a_second_ctrl_c_is_no_worse_than_one(start_fake: StartFake, gate: Gate) -> None:
    server = start_fake()
    async with session(server) as busy:
        await busy.ask(gate.order)
        await gate.arrival()
        family = server.family()
        server.process.send_signal(signal.SIGINT)
        await busy.hear("ltx2_stream_complete")
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(PATIENCE_S) == 0
    _check_nothing_is_left(family, set())
    assert "Traceback" not in server.log.read_text()


async def test_ctrl_c_ends_matinee_up_in_mid_segment(resources: Path, tmp_path: Path) -> None:
    """As a terminal sends it: to the whole process group. Signals without a meaning came before."""
    with running(matinee_up(resources), tmp_path / "log") as server:
        async with session(server) as viewer:
            await viewer.ask("a ball", num_inference_steps=100)
            await viewer.hear("step_complete")
            family = server.family()
            blocks = shared_memory_of(family)
            for sign in (*MEANINGLESS, *MEANINGLESS):
                os.killpg(server.process.pid, sign)
            await viewer.hear("step_complete")
            started = time.monotonic()
            os.killpg(server.process.pid, signal.SIGINT)
            await _told(viewer)
            assert server.process.wait(PATIENCE_S) == 128 + signal.SIGINT
            assert time.monotonic() - started < _patience()
        _check_nothing_is_left(family, blocks)
        log = server.log.read_text()
        assert "Traceback" not in log
        assert "leaked" not in log
        lines = [json.loads(line) for line in log.splitlines()]
        warned = [line["message"] for line in lines if line["level"] != "info"]
        assert sorted(warned) == [  # signals that wait together come in any order
            "SIGUSR1 means nothing here and is ignored",
            "SIGUSR2 means nothing here and is ignored",
        ]


async def test_a_signal_that_is_ignored_at_the_start_stays_ignored(start_fake: StartFake) -> None:
    """As `nohup` ignores SIGHUP, and a shell SIGINT of what it runs in the background."""
    before = {sign: signal.signal(sign, signal.SIG_IGN) for sign in (signal.SIGHUP, signal.SIGINT)}
    try:
        server = start_fake()
    finally:
        for sign, handler in before.items():
            signal.signal(sign, handler)
    for sign in before:
        server.process.send_signal(sign)
    assert server.get("/readyz").status_code == 200
    async with session(server) as viewer:
        await viewer.end()


async def test_when_the_server_is_killed_its_worker_ends_too(
    start_fake: StartFake, gate: Gate
) -> None:
    server = start_fake()
    async with session(server) as viewer:
        await viewer.ask(gate.order)
        await gate.arrival()
        family = server.family()
        blocks = shared_memory_of(family)
        server.process.kill()
        await viewer.rest()
        assert viewer.close_code == 1006
        _check_nothing_is_left(family, blocks)


async def test_a_server_that_still_starts_ends_at_once(start_fake: StartFake, gate: Gate) -> None:
    server = start_fake(ready=False, warmup={"enabled": True, "prompt": gate.order})
    await gate.arrival()
    family = server.family()
    assert server.stop(signal.SIGINT) == 0
    _check_nothing_is_left(family, set())


def test_two_servers_do_not_share_a_port(fake: Server, resources: Path, tmp_path: Path) -> None:
    with running(matinee_up(resources, port=fake.port), tmp_path / "log", ready=False) as second:
        assert second.process.wait(PATIENCE_S) == 1
    says = (tmp_path / "log").read_text()
    assert f"matinee: cannot listen on 127.0.0.1:{fake.port}: " in says
    assert "choose another --port" in says
    assert "Traceback" not in says


@pytest.mark.parametrize(
    ("changed", "code", "says"),
    [
        (("builtin:tiny", "file:///nowhere/at/all"), 2, "check the path and its mount"),
        (
            ("builtin:tiny", "builtin:tiny\n  generation: {guidanceScale: 50}"),
            2,
            "VideoModel/tiny: spec.generation.guidanceScale must be from 0.0 to 30.0, got 50.0",
        ),
        (("segmentCap: 0", "segmentCup: 0"), 2, "segmentCap"),
        (("segmentCap: 0", "segmentCap: many"), 2, "segmentCap"),
        (("modelRef:\n    name: tiny", "modelRef:\n    name: huge"), 2, "no VideoModel huge"),
        (("kind: StreamingService", "kind: ["), 2, "line"),
    ],
)
def test_what_cannot_be_served_is_said_in_a_sentence(
    tmp_path: Path, changed: tuple[str, str], code: int, says: str
) -> None:
    before, after = changed
    text = Path("examples/quickstart.yaml").read_text()
    assert before in text
    file = tmp_path / "changed.yaml"
    file.write_text(text.replace(before, after))
    with running(matinee_up(file), tmp_path / "log", ready=False) as server:
        assert code == server.process.wait(PATIENCE_S)
        assert server.line() == ""
    last = (tmp_path / "log").read_text().strip().splitlines()
    assert any(line.startswith("matinee: ") for line in last)
    assert says in "\n".join(last)
    assert not any("Traceback" in line for line in last)
