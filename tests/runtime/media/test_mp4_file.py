from __future__ import annotations

from pathlib import Path

import pytest

from matinee.media.mp4_file import new_mp4_file
from matinee.media.video_stream import VideoStream
from tests.runtime.media.mp4_reading import ffprobe
from tests.runtime.media.pictures import moving_i420


@pytest.mark.ffmpeg
def test_the_file_has_every_frame_at_its_rate(tmp_path: Path) -> None:
    path = tmp_path / "x.mp4"
    stream = VideoStream(64, 48, 24)

    with new_mp4_file(path) as file:
        file.write(stream.init)
        for index in range(25):
            fragment = stream.push(moving_i420(64, 48, index)) or stream.flush()
            file.write(fragment.data if fragment else b"")

    assert list(tmp_path.iterdir()) == [path]
    assert ffprobe(path)["nb_read_frames"] == "25"
    assert ffprobe(path)["avg_frame_rate"] == "24/1"


def test_the_file_appears_only_at_the_end_and_replaces_an_older_one(tmp_path: Path) -> None:
    path = tmp_path / "x.mp4"
    path.write_bytes(b"old")

    with new_mp4_file(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"

    assert path.read_bytes() == b"new"


def test_a_failure_leaves_nothing_half_written(tmp_path: Path) -> None:
    def stop_halfway() -> None:
        with new_mp4_file(tmp_path / "x.mp4") as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop_halfway()

    assert list(tmp_path.iterdir()) == []


def test_the_file_is_readable_like_any_other_new_file(tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(b"")

    with new_mp4_file(tmp_path / "x.mp4") as file:
        file.write(b"video")

    assert (tmp_path / "x.mp4").stat().st_mode == (tmp_path / "other").stat().st_mode
