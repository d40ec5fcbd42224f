"""`matinee mock` as a person starts it who writes a client: what the real client and the protocol
of the player get from it, and each fault that can be asked for."""

from __future__ import annotations

import base64
import io
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from matinee.mock.pattern import number_of
from matinee.mock.settings import RATE
from tests.system.end_to_end.serving import Server, running
from tests.system.end_to_end.test_terminal_client import stream
from tests.system.end_to_end.viewing import Viewer, messages_of, segments_of, session
from tests.unit.runtime.media.sounds import frequency, heard

MATINEE = (sys.executable, "-m", "matinee", "mock", "--port", "0")
FRAMES = 49
"""Three chunks, so that the middle of a segment comes after the first one's frames."""
FAULT_S = 0.5
START_CPU_S = 5.0
"""Of all its processes, generously: it takes 1.1 s, and as much again where nothing is compiled
so far. On two idle cores it is ready in less than 1 s."""


@pytest.fixture(scope="module")
def mock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Tests leave it as they found it."""
    log = tmp_path_factory.mktemp("mock") / "log"
    command = [*MATINEE, "--size", "322x182", "--step-ms", "1", "--sound"]
    with running(command, log) as server:
        yield server


def numbers(film: bytes) -> list[int]:
    """Of each frame, read from the decoded picture."""
    with av.open(io.BytesIO(film), "r") as container:
        frames = list(container.decode(video=0))
    return [number_of(frame.to_ndarray(format="rgb24").astype(np.uint8)) for frame in frames]


def film_of(viewer: Viewer) -> bytes:
    return b"".join(
        binary
        for index, segment in enumerate(segments_of(viewer.items))
        for binary in (segment.fragments if index else segment.binaries)
    )


def test_it_is_ready_at_once_and_has_no_torch(mock: Server) -> None:
    family = mock.family()
    times = [process.cpu_times() for process in family]
    assert len(family) >= 2
    assert sum(each.user + each.system for each in times) < START_CPU_S
    mapped = {entry.path for process in family for entry in process.memory_maps()}
    assert [path for path in mapped if "torch" in path] == []


def test_the_real_client_records_every_frame_once_with_the_tone(
    mock: Server, tmp_path: Path
) -> None:
    film = tmp_path / "film.mp4"
    words = ["-p", "a red ball", "-p", "a blue ball", "--frames", str(FRAMES), "-o", str(film)]
    done = stream(mock, *words)
    assert done.code == 0, done.says
    assert numbers(film.read_bytes()) == list(range(2 * FRAMES - 1))
    assert frequency(heard(film.read_bytes())[3000:-3000, 0], RATE) == pytest.approx(440, abs=0.5)


@pytest.mark.parametrize("size", [(66, 34), (834, 482)])
async def test_a_session_has_any_size_and_begins_with_its_image(
    mock: Server, size: tuple[int, int]
) -> None:
    """As the player asks for it, with states that are sent back."""
    width, height = size
    picture = io.BytesIO()
    Image.new("RGB", size, (128, 128, 128)).save(picture, "PNG")
    image = {
        "mime": "image/png",
        "name": "grey.png",
        "data": base64.b64encode(picture.getvalue()).decode(),
    }
    wanted = {"width": width, "height": height, "num_frames": FRAMES, "stream_mode": "av_fmp4"}
    async with session(mock, initial_image=image, **wanted) as viewer:
        await viewer.segment("one", request_id="r1")
        await viewer.say("snapshot_state")
        state = (await viewer.hear("continuation_state_snapshot"))["state"]
        await viewer.end()
    assert numbers(film_of(viewer))[1:] == list(range(1, FRAMES))
    (start,) = messages_of(viewer.items, "ltx2_stream_start")
    assert (start["width"], start["height"]) == size
    async with session(mock, continuation_state=state, **wanted) as viewer:
        await viewer.segment("two")
        await viewer.end()
    assert numbers(film_of(viewer)) == list(range(FRAMES, 2 * FRAMES - 1))


def test_the_player_is_there(mock: Server) -> None:
    assert "<video" in mock.get("/player").text
    (model,) = mock.get("/v1/models").json()["data"]
    assert model["id"] == "mock"


async def longest_silence_s(viewer: Viewer, until: str) -> float:
    """Between two things that come, up to a message of this type."""
    longest_s, before = 0.0, time.monotonic()
    while True:
        item = await viewer.next()
        now = time.monotonic()
        longest_s, before = max(longest_s, now - before), now
        assert item is not None
        if not isinstance(item, bytes) and item["type"] == until:
            return longest_s


async def test_each_fault_befalls_every_other_segment(tmp_path: Path) -> None:
    command = [*MATINEE, "--size", "64x64", "--step-ms", "0", "--fault-seconds", str(FAULT_S)]
    command += ["--faults", "late,stall,error,close", "--streaming.generation_segment_cap=0"]
    with running(command, tmp_path / "log") as server:
        async with session(server, num_frames=FRAMES) as viewer:
            await viewer.segment("fine")

            began_s = time.monotonic()
            await viewer.ask("late")
            await viewer.hear("step_complete")
            assert time.monotonic() - began_s >= FAULT_S
            await viewer.hear("ltx2_segment_complete")
            await viewer.segment("fine")

            await viewer.ask("stalls")
            await viewer.hear("media_init")
            assert await longest_silence_s(viewer, "ltx2_segment_complete") >= FAULT_S * 0.9
            await viewer.segment("fine")

            await viewer.ask("fails", request_id="f")
            error = await viewer.hear("error")
            assert (error["code"], error["retryable"]) == ("worker_failed", False)
            assert (error["request_id"], "`error`" in error["message"]) == ("f", True)
            await viewer.segment("fine")

            await viewer.ask("closes")
            error = await viewer.hear("error")
            assert (error["code"], error["retryable"]) == ("worker_failed", True)
            assert (await viewer.rest())[-1] == {"type": "ltx2_stream_complete", "reason": "error"}
            assert viewer.close_code == 1011
        async with session(server, num_frames=FRAMES) as viewer:
            await viewer.segment("fine again")
            await viewer.end()
        assert server.stop() == 128 + 15
    assert "Traceback" not in (tmp_path / "log").read_text()
