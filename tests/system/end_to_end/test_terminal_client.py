"""`matinee stream` against real servers: what it says, and what it keeps when they end early."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import pytest

from tests.system.end_to_end.conftest import StartFake
from tests.system.end_to_end.serving import PATIENCE_S, TETHER, Server, matinee_up, running
from tests.unit.runtime.worker.stepping import Gate

SMALL_BYTES = 8 * 1024
"""Less than a segment of the fake engine's noise."""


@dataclass(frozen=True)
class Ended:
    """A run of the command. `report`: its JSON."""

    code: int
    report: dict[str, Any]
    says: str


def stream(server: Server, *words: str, before: Callable[[], None] | None = None) -> Ended:
    command = [sys.executable, "-m", "matinee", "stream", server.url, "--json", *words]
    done = subprocess.run(
        [*TETHER, *command], capture_output=True, text=True, timeout=PATIENCE_S, preexec_fn=before
    )
    assert "Traceback" not in done.stderr
    return Ended(done.returncode, json.loads(done.stdout or "{}"), done.stderr)


def frames_of(path: Path) -> int:
    with av.open(path) as container:
        return sum(1 for _ in container.decode(video=0))


@pytest.fixture(scope="module")
def capped(resources: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The bundled model, two segments a session."""
    folder = tmp_path_factory.mktemp("capped")
    file = folder / "capped.yaml"
    file.write_text(resources.read_text().replace("segmentCap: 0", "segmentCap: 2"))
    with running(matinee_up(file), folder / "log") as server:
        yield server


def test_at_the_segment_cap_the_video_is_kept_and_goes_on_from_its_state(
    capped: Server, tmp_path: Path
) -> None:
    state, first, second = tmp_path / "state.json", tmp_path / "a.mp4", tmp_path / "b.mp4"
    words = ["-p", "a red ball", "-p", "a blue ball", "-p", "a green ball", "--steps", "2"]
    ended = stream(capped, *words, "-o", str(first), "--save-state", str(state))
    assert (ended.code, ended.report["complete"]) == (1, False)
    assert [one["prompt"] for one in ended.report["segments"]] == ["a red ball", "a blue ball"]
    assert "matinee: the server allows no more segments in one session" in ended.says
    assert frames_of(first) == 17 + 16
    ended = stream(
        capped, "-p", "a green ball", "--steps", "2", "-o", str(second), "--state", str(state)
    )
    assert (ended.code, ended.report["complete"]) == (0, True)
    assert frames_of(second) == 16


def test_as_many_prompts_as_the_cap_allows_are_a_whole_video_with_its_state(
    capped: Server, tmp_path: Path
) -> None:
    output, state = tmp_path / "a.mp4", tmp_path / "state.json"
    words = ["-p", "a red ball", "-p", "a blue ball", "--steps", "2"]
    ended = stream(capped, *words, "-o", str(output), "--save-state", str(state))
    assert (ended.code, ended.report["complete"]) == (0, True)
    assert json.loads(state.read_text())["payload"]["segment_index"] == 2


def drain(server: Server) -> None:
    assert server.post("/v1/drain", {"deadline_seconds": 0}).status_code == 200


def terminate(server: Server) -> None:
    server.process.send_signal(signal.SIGTERM)


@pytest.mark.parametrize("end", [drain, terminate])
async def test_when_the_server_goes_away_the_video_and_its_state_are_kept(
    start_fake: StartFake, gate: Gate, tmp_path: Path, end: Callable[[Server], None]
) -> None:
    """In the middle of the second of four segments."""
    server = start_fake()
    output, state = tmp_path / "out.mp4", tmp_path / "state.json"
    words = ["-p", "one", "-p", gate.order, "-p", "three", "-p", "four"]
    words += ["-o", str(output), "--save-state", str(state)]
    streaming = asyncio.create_task(asyncio.to_thread(stream, server, *words))
    await gate.arrival()
    await asyncio.to_thread(end, server)
    ended = await streaming
    assert (ended.code, ended.report["complete"]) == (1, False)
    assert [one["prompt"] for one in ended.report["segments"]] == ["one"]
    assert "matinee: the server is shutting down" in ended.says
    assert frames_of(output) == 17
    assert json.loads(state.read_text())["payload"]["prompts"] == ["one"]


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_ends_it_as_ctrl_c_does(
    start_fake: StartFake, gate: Gate, tmp_path: Path, sign: signal.Signals
) -> None:
    """What was received is kept, and no half-written file is left."""
    server, output = start_fake(), tmp_path / "video" / "out.mp4"
    output.parent.mkdir()
    words = ["stream", server.url, "-p", "one", "-p", gate.order, "-o", str(output)]
    client = await asyncio.create_subprocess_exec(*TETHER, sys.executable, "-m", "matinee", *words)
    await gate.arrival()
    server.eventually(lambda: b"mdat" in b"".join(map(Path.read_bytes, output.parent.iterdir())))
    client.send_signal(sign)
    assert await client.wait() == 128 + sign
    assert os.listdir(output.parent) == ["out.mp4"]
    assert frames_of(output) > 0


def test_a_full_disk_is_told_and_the_pieces_that_found_room_are_kept(
    fake: Server, tmp_path: Path
) -> None:
    def fill() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (SMALL_BYTES, SMALL_BYTES))

    output = tmp_path / "out.mp4"
    words = ["-p", "one", "-p", "two", "-p", "three", "-o", str(output)]
    ended = stream(fake, *words, before=fill)
    assert (ended.code, ended.report["complete"]) == (1, False)
    assert f"matinee: {output} cannot be written: File too large" in ended.says
    assert output.stat().st_size <= SMALL_BYTES
    assert frames_of(output) > 0
    assert os.listdir(tmp_path) == ["out.mp4"]


def test_a_wrong_path_is_told_with_the_remedy(fake: Server, tmp_path: Path) -> None:
    wrong = Server(fake.process, fake.log, f"{fake.url}/film")
    ended = stream(wrong, "-p", "one", "-o", str(tmp_path / "out.mp4"))
    assert ended.code == 1
    assert "there is no stream at that path; give http://HOST:PORT of a server" in ended.says


def test_it_gets_video_from_a_server_that_sends_pictures_by_default(
    start_fake: StartFake, tmp_path: Path
) -> None:
    server = start_fake(stream_mode="legacy_jpeg")
    output = tmp_path / "video" / "out.mp4"
    output.parent.mkdir()
    assert stream(server, "-p", "one", "-o", str(output)).code == 0
    assert frames_of(output) == 17


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--frames", "18"], "--frames must be 8 x k + 1, got 18; nearest: 17 or 25"),
        (["--steps", "0"], "--steps: expected at least 1; got 0"),
        (["--width", "33"], "--width must be a multiple of 16, got 33; nearest: 32 or 48"),
        (["--image", "picture.png"], "--image: the image cannot be read as PNG"),
        (["-p", " "], "-p is empty; say what to show"),
    ],
)
def test_what_the_server_refuses_is_told_with_the_flag_that_brought_it(
    fake: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], says: str
) -> None:
    (tmp_path / "picture.png").write_bytes(b"no picture")
    monkeypatch.chdir(tmp_path)
    prompt = [] if "-p" in words else ["-p", "one"]
    ended = stream(fake, *prompt, "-o", "out.mp4", *words)
    assert ended.code == 2
    assert f"matinee: {says}" in ended.says
    assert not Path("out.mp4").exists()
