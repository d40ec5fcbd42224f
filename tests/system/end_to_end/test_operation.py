"""What those who run a server do with it: several workers, IPv6, draining, a restart."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import httpx
import numpy as np
import pytest

from tests.system.end_to_end.conftest import StartFake
from tests.system.end_to_end.serving import PATIENCE_S, matinee_up, running
from tests.system.end_to_end.viewing import Segment, kinds_of, messages_of, segments_of, session
from tests.unit.runtime.media.mp4_reading import video_frames
from tests.unit.runtime.worker.stepping import ALL, Gate

QUICK = {"num_inference_steps": 2}
TOKEN = "a token of this test"  # noqa: S105


async def test_sessions_spread_over_the_workers_and_are_made_at_once(
    start_fake: StartFake, gate: Gate
) -> None:
    """While one worker stands still, the other's session goes on; both make the same video."""
    server = start_fake(pool={"num_workers": 2}, max_sessions=1)
    server.wait_for_slots(lambda state: state["total"] == 2)
    async with session(server, seed=3) as first, session(server, seed=3) as second:
        gpus = [(await each.hear("gpu_assigned"))["gpu_id"] for each in (first, second)]
        assert sorted(gpus) == [0, 1]
        await first.ask(gate.order)
        await gate.arrival()
        beside = await second.segment("a ball")
        gate.go(ALL)
        await first.hear("ltx2_segment_complete")
        assert beside.binaries == [item for item in first.items if isinstance(item, bytes)]
        status = server.get("/status").json()["gpu_status"]
        assert [gpu["client_count"] for gpu in status.values()] == [1, 1]


async def test_a_death_of_one_worker_leaves_the_others_sessions_alone(
    start_fake: StartFake, gate: Gate
) -> None:
    server = start_fake(pool={"num_workers": 2}, max_sessions=1)
    server.wait_for_slots(lambda state: state["total"] == 2)
    tally = server.log.parent / "tally"
    async with session(server, seed=3) as first, session(server, seed=3) as second:
        await first.ask(gate.order)
        await gate.arrival()
        hit = await second.segment(f"kill@2={tally}")
        gate.go(ALL)
        await first.hear("ltx2_segment_complete")
    assert hit.binaries == [item for item in first.items if isinstance(item, bytes)]
    assert server.metric("matinee_worker_restarts_total") == 1


async def test_an_idle_session_moves_when_its_worker_is_given_up(start_fake: StartFake) -> None:
    server = start_fake(pool={"num_workers": 2, "max_restarts": 0}, max_sessions=2)
    server.wait_for_slots(lambda state: state["total"] == 4)
    async with session(server, seed=3) as staying:
        undisturbed = [await staying.segment("a ball") for _ in range(2)]
        await staying.end()
    server.wait_until_idle()
    async with session(server, seed=3) as one, session(server, seed=3) as another:
        homes = [(await each.hear("gpu_assigned"))["gpu_id"] for each in (one, another)]
        assert sorted(homes) == [0, 1]
        first = await one.segment("a ball")
        assert (await another.segment("a ball")).binaries == first.binaries
        server.workers()[0].kill()
        server.wait_for_slots(lambda state: state["total"] == 2)
        gpus = server.get("/status").json()["gpu_status"]
        (lost,) = (int(number) for number, gpu in gpus.items() if gpu["state"] == "failed")
        idle = (one, another)[homes.index(lost)]
        await idle.ask("a ball")
        migrated = await idle.hear("session_migrated")
        await idle.hear("ltx2_segment_complete")
        await idle.end()
    assert migrated["gap_ms"] == 0
    assert [first.binaries, segments_of(idle.items)[1].binaries] == [
        segment.binaries for segment in undisturbed
    ]
    assert server.slots()["total"] == 2


async def test_it_listens_on_ipv6(start_fake: StartFake) -> None:
    server = start_fake(host="::1")
    assert server.url.startswith("http://[::1]:")
    assert server.get("/readyz").status_code == 200
    async with session(server) as viewer:
        assert (await viewer.segment("a ball")).fragments
        await viewer.end()


async def test_what_viewers_ask_for_stays_out_of_the_log(resources: Path, tmp_path: Path) -> None:
    """Also of a prompt that is longer than the model reads, which libraries like to quote."""
    with running(matinee_up(resources), tmp_path / "log") as server:
        async with session(server, **QUICK) as viewer:
            await viewer.segment("a ball " * 50 + "and Rumpelstiltskin")
            await viewer.end()
        server.worker().kill()  # so that there is something to say
        server.eventually(lambda: server.metric("matinee_worker_restarts_total") == 1)
        assert server.stop() == 128 + signal.SIGTERM
    lines = [json.loads(line) for line in server.log.read_text().splitlines()]
    assert any("killed by SIGKILL" in line["message"] for line in lines)
    assert "umpel" not in server.log.read_text()


async def test_a_video_goes_on_after_a_drain_and_a_restart(
    resources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Draining wants the token; the viewer takes its state to the next server."""
    monkeypatch.setenv("MATINEE_ADMIN_TOKEN", TOKEN)
    command = matinee_up(resources, "--state-dir", str(tmp_path / "state"))
    with running(command, tmp_path / "first") as server:
        async with session(server, **QUICK, seed=5) as viewer:
            await viewer.segment("a ball")
            await viewer.say("snapshot_state")
            state = (await viewer.hear("continuation_state_snapshot"))["state"]
            uninterrupted = await viewer.segment("a ball", seed=6)
            assert _drain(server.url, "Bearer of nothing") == 403
            assert _drain(server.url, None) == 403
            assert _drain(server.url, f"Bearer {TOKEN}") == 200
            items = await viewer.rest()
        assert kinds_of(items) == [
            "draining",
            "continuation_state_snapshot",
            "ltx2_stream_complete",
        ]
        (told,) = messages_of(items, "continuation_state_snapshot")
        assert told["state"]["payload"]["segment_index"] == 2
        assert viewer.close_code == 1012
        assert server.stop() == 128 + signal.SIGTERM
    with running(command, tmp_path / "second") as server:
        async with session(server, **QUICK, continuation_state=state) as viewer:
            resumed = await viewer.segment("a ball", seed=6)
            await viewer.end()
        assert server.stop() == 128 + signal.SIGTERM
    difference = np.abs(_pictures(uninterrupted) - _pictures(resumed)).mean()
    assert difference < 4  # of 255; the encoder's own state differs
    assert len(list((tmp_path / "state/logs").glob("session-*.jsonl"))) == 2


def _drain(url: str, authorization: str | None) -> int:
    headers = {} if authorization is None else {"authorization": authorization}
    body = {"deadline_seconds": 0.1}
    answer = httpx.post(f"{url}/v1/drain", json=body, headers=headers, timeout=PATIENCE_S)
    return answer.status_code


def _pictures(segment: Segment) -> np.ndarray:
    frames = video_frames(b"".join(segment.binaries))
    return np.stack([frame.to_ndarray(format="rgb24") for frame in frames]).astype(int)
