from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from matinee.errors import BadInput
from matinee.media.media_stream import MediaStream
from matinee.media.video_file import CannotWrite, check_new_file, new_file
from matinee.media.video_output import new_output
from tests.unit.runtime.media.mp4_reading import ffprobe
from tests.unit.runtime.media.pictures import moving_i420


@pytest.mark.ffmpeg
def test_the_file_has_every_frame_at_its_rate(tmp_path: Path) -> None:
    path = tmp_path / "x.mp4"
    stream = MediaStream(64, 48, 24)

    with new_output(path) as file:
        file.write(stream.init)
        for index in range(25):
            fragment = stream.push(moving_i420(64, 48, index)) or stream.flush()
            file.write(fragment.data if fragment else b"")

    assert list(tmp_path.iterdir()) == [path]
    assert ffprobe(path)["nb_frames"] == ffprobe(path)["nb_read_frames"] == "25"
    assert ffprobe(path)["avg_frame_rate"] == "24/1"


def test_the_file_appears_only_at_the_end_and_replaces_an_older_one(tmp_path: Path) -> None:
    path = tmp_path / "x.mp4"
    path.write_bytes(b"old")

    with new_file(path) as file:
        file.write(b"new")
        assert path.read_bytes() == b"old"

    assert path.read_bytes() == b"new"


def test_a_failure_leaves_nothing_half_written(tmp_path: Path) -> None:
    def stop_halfway() -> None:
        with new_file(tmp_path / "x.mp4") as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop_halfway()

    assert list(tmp_path.iterdir()) == []


def test_what_is_no_video_is_kept_as_it_came(tmp_path: Path) -> None:
    with new_output(tmp_path / "x.mp4") as file:
        file.write(b"words")

    assert (tmp_path / "x.mp4").read_bytes() == b"words"
    assert os.listdir(tmp_path) == ["x.mp4"]


def test_a_video_that_fails_leaves_nothing_half_written(tmp_path: Path) -> None:
    def stop_halfway() -> None:
        with new_output(tmp_path / "x.mp4") as file:
            file.write(MediaStream(64, 48, 24).init)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop_halfway()

    assert os.listdir(tmp_path) == []


def test_a_piece_for_which_there_is_no_room_leaves_those_before_it(tmp_path: Path) -> None:
    code = (
        "import resource, sys; from pathlib import Path; "
        "from matinee.media.video_file import CannotWrite, new_file\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))\n"
        "with new_file(Path('x')) as file:\n"
        "    file.write(b'sixsix')\n"
        "    try: file.write(b'seven77')\n"
        "    except CannotWrite as error: print(error)\n"
        "    file.write(b'four')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == "x cannot be written: File too large\n"
    assert (tmp_path / "x").read_bytes() == b"sixsixfour"


def test_a_place_that_went_away_is_told(tmp_path: Path) -> None:
    with (
        pytest.raises(CannotWrite, match="x cannot be written: No such file or directory"),
        new_file(tmp_path / "nowhere" / "x"),
    ):
        pass
    with (
        pytest.raises(CannotWrite, match="x cannot be written: Is a directory"),
        new_file(tmp_path / "x"),
    ):
        (tmp_path / "x").mkdir()
    assert list(tmp_path.iterdir()) == [tmp_path / "x"]


def test_a_new_file_is_fine_and_so_is_one_to_replace(tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(b"old")
    check_new_file("--state", tmp_path / "old")
    check_new_file("--state", tmp_path / "new")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"old": b"old"}


def test_a_name_that_is_too_long_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"--state: .* cannot be written: File name too long; name"):
        check_new_file("--state", tmp_path / ("x" * 300))


def test_the_file_is_readable_like_any_other_new_file(tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(b"")

    with new_file(tmp_path / "x.mp4") as file:
        file.write(b"video")

    assert (tmp_path / "x.mp4").stat().st_mode == (tmp_path / "other").stat().st_mode
