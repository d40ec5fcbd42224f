"""A model with sound, through the real worker and server: the tone that is asked for is heard."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.system.end_to_end.serving import Server, running, tone_server
from tests.system.end_to_end.test_terminal_client import stream
from tests.system.end_to_end.viewing import (
    Item,
    messages_of,
    segments_of,
    session,
)
from tests.system.engine.families.tone import LOUDNESS, RATE
from tests.unit.runtime.media.mp4_reading import ffprobe_streams, video_frames
from tests.unit.runtime.media.sounds import frequency, heard, tone
from tests.unit.runtime.worker.stepping import Gate, step_until

FPS = 24
EDGE = 3000
"""Samples at the beginning and the end in which the encoder is not yet, or no longer, in swing."""


@pytest.fixture(scope="module")
def singing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    log = tmp_path_factory.mktemp("tone") / "log"
    with running(tone_server(), log) as server:
        yield server


def film_of(items: list[Item]) -> bytes:
    """What a client has that appends the first init segment and all the fragments."""
    segments = segments_of(items)
    fragments = [data for segment in segments for data in segment.binaries if data[4:8] != b"ftyp"]
    return b"".join([segments[0].init, *fragments])


def frames_told(items: list[Item]) -> int:
    return sum(int(told["frames"]) for told in messages_of(items, "media_segment_complete"))


def check_in_step(film: bytes, frames: int, hz: float) -> None:
    """Every picture is there, and the one tone from its beginning to its end, to the sample."""
    assert len(video_frames(film)) == frames
    sound = heard(film)[: frames * RATE // FPS]
    assert len(sound) == frames * RATE // FPS
    expected = tone(hz, len(sound), RATE)
    assert np.abs(sound - expected)[EDGE:-EDGE].max() < 0.05 * LOUDNESS


async def test_the_tone_that_is_asked_for_is_heard_with_the_pictures(
    singing: Server, tmp_path: Path
) -> None:
    async with session(singing, seed=7) as viewer:
        for _ in range(3):
            await viewer.segment("440 Hz")
        await viewer.end()
    frames = frames_told(viewer.items)
    assert frames == 25 + 24 + 24
    film = film_of(viewer.items)
    check_in_step(film, frames, 440)
    sound = heard(film)[EDGE:-EDGE, 0]
    assert frequency(sound, RATE) == pytest.approx(440, abs=0.2)
    (start,) = messages_of(viewer.items, "ltx2_stream_start")
    codecs = {start["mime"], *(init["mime"] for init in messages_of(viewer.items, "media_init"))}
    assert len(codecs) == 1
    assert codecs.pop().endswith(',mp4a.40.2"')


@pytest.mark.ffmpeg
async def test_ffprobe_sees_h264_and_aac_that_last_equally_long(
    singing: Server, tmp_path: Path
) -> None:
    async with session(singing, seed=7) as viewer:
        await viewer.segment("440 Hz")
        await viewer.segment("660 Hz")
        await viewer.end()
    path = tmp_path / "film.mp4"
    path.write_bytes(film_of(viewer.items))
    video, audio = ffprobe_streams(path)
    assert (video["codec_name"], audio["codec_name"]) == ("h264", "aac")
    assert int(audio["sample_rate"]) == RATE
    lasts = [float(track["duration"]) for track in (video, audio)]
    assert lasts[0] == pytest.approx(49 / FPS, abs=0.001)
    assert lasts[1] == pytest.approx(lasts[0], abs=1 / FPS)


async def test_another_prompt_is_another_tone(singing: Server) -> None:
    async with session(singing, seed=7) as viewer:
        await viewer.segment("440 Hz")
        await viewer.segment("660 Hz")
        await viewer.end()
    sound = heard(film_of(viewer.items))[:, 0]
    join = 25 * RATE // FPS
    assert frequency(sound[EDGE : join - EDGE], RATE) == pytest.approx(440, abs=0.5)
    assert frequency(sound[join + EDGE : -EDGE], RATE) == pytest.approx(660, abs=0.5)


async def test_after_a_cancel_sound_and_pictures_go_on_in_step(singing: Server, gate: Gate) -> None:
    async with session(singing, seed=7) as viewer:
        await viewer.ask(f"440 Hz {gate.order}", num_frames=49)
        for _ in range(2):  # the steps of the first chunk
            await gate.arrival()
            gate.go()
        await gate.arrival()  # in the second chunk
        await viewer.hear("media_init")
        await viewer.say("segment_cancel")
        await viewer.say("snapshot_state")
        await viewer.hear("error")  # there is none; the cancel before it has been passed on
        await step_until(gate, viewer.hear("segment_cancelled"))
        await viewer.segment("440 Hz")
        await viewer.end()
    assert frames_told(viewer.items) == 17 + 24
    check_in_step(film_of(viewer.items), 17 + 24, 440)


async def test_a_killed_worker_costs_no_sample(singing: Server, tmp_path: Path) -> None:
    films = []
    for order in ("", f" kill@4={tmp_path / 'tally'}"):
        async with session(singing, seed=7) as viewer:
            await viewer.segment("440 Hz")
            await viewer.segment(f"440 Hz{order}", num_frames=33)
            await viewer.end()
        films.append(film_of(viewer.items))
        check_in_step(films[-1], 25 + 32, 440)
    assert singing.metric("matinee_worker_restarts_total") == 1
    assert films[0] == films[1]


async def test_a_video_goes_on_from_a_snapshot_in_another_session(singing: Server) -> None:
    async with session(singing, seed=7) as viewer:
        await viewer.segment("440 Hz")
        await viewer.say("snapshot_state")
        state = (await viewer.hear("continuation_state_snapshot"))["state"]
        whole = await viewer.segment("440 Hz")
        await viewer.end()
    assert state["kind"] == "tone.v1"
    async with session(singing, seed=7, continuation_state=state) as viewer:
        again = await viewer.segment("440 Hz")
        await viewer.end()
    alone = film_of(viewer.items)
    assert len(video_frames(alone)) == int(whole.only("media_segment_complete")["frames"])
    assert int(again.only("media_segment_complete")["frames"]) == 24
    samples = heard(alone)[: 24 * 2000, 0]
    before = 25 * 2000  # the wave goes on where the first session's stood
    expected = tone(440, len(samples), RATE, first=before)[:, 0]
    assert np.abs(samples - expected)[EDGE:-EDGE].max() < 0.05 * LOUDNESS


def test_the_terminal_client_keeps_the_sound_to_its_end(singing: Server, tmp_path: Path) -> None:
    film = tmp_path / "tone.mp4"
    done = stream(singing, "-p", "440 Hz", "-p", "440 Hz", "-o", str(film))
    assert done.code == 0, done.says
    check_in_step(film.read_bytes(), 49, 440)
