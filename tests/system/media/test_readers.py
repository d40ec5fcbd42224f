"""Programs that have nothing to do with FFmpeg's demuxers read our files with their true length."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from matinee.generation import AudioFormat
from matinee.media.media_stream import MediaStream
from matinee.media.video_output import new_output
from tests.unit.runtime.media.pictures import moving_i420
from tests.unit.runtime.media.sounds import tone

pytestmark = pytest.mark.readers

WIDTH, HEIGHT, FPS, RATE = 64, 48, 24, 48_000
SECONDS, FRAMES = 8, 192


@pytest.fixture(scope="module", params=[".mp4", ".webm", ".gif"])
def file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight seconds in two segments, with sound where the kind has any."""
    path = tmp_path_factory.mktemp("readers") / f"video{request.param}"
    stream = MediaStream(WIDTH, HEIGHT, FPS, audio=AudioFormat(RATE, 2))
    with new_output(path) as output:
        output.write(stream.init)
        for segment in range(2):
            stream.start_segment()
            for index in range(segment * FRAMES // 2, (segment + 1) * FRAMES // 2):
                sound = tone(440, RATE // FPS, RATE, first=index * RATE // FPS)
                if fragment := stream.push(moving_i420(WIDTH, HEIGHT, index), sound):
                    output.write(fragment.data)
            if fragment := stream.flush():
                output.write(fragment.data)
        for fragment in stream.finish():
            output.write(fragment.data)
    return path


def said(*command: str | Path) -> str:
    return subprocess.run(command, capture_output=True, check=True, text=True, timeout=60).stdout


def test_gstreamer_s_discoverer_reads_it(file: Path) -> None:
    told = said("gst-discoverer-1.0", "-v", file)
    found = re.search(r"Duration: (\d+):(\d+):(\d+\.\d+)", told)
    assert found
    hours, minutes, seconds = map(float, found.groups())
    assert hours * 3600 + minutes * 60 + seconds == pytest.approx(SECONDS, abs=0.1)
    assert "Seekable: yes" in told
    size = re.findall(r"(?:Width|Height): (\d+)", told)
    assert size == [str(WIDTH), str(HEIGHT)]
    assert told.count("audio #") == (0 if file.suffix == ".gif" else 1)


def test_mediainfo_reads_it(file: Path) -> None:
    tracks = json.loads(said("mediainfo", "--Output=JSON", file))["media"]["track"]
    general, video = tracks[:2]
    assert (int(video["Width"]), int(video["Height"])) == (WIDTH, HEIGHT)
    if file.suffix == ".gif":
        return  # mediainfo reads no lengths of GIFs
    for track in tracks:
        assert float(track["Duration"]) == pytest.approx(SECONDS, abs=0.05)
    assert float(video["FrameRate"]) == FPS
    if file.suffix == ".mp4":
        assert int(video["FrameCount"]) == int(general["FrameCount"]) == FRAMES
        assert general["IsStreamable"] == "Yes"  # the index is in front
