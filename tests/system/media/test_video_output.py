"""What each name makes of a stream's pieces, read back by FFmpeg and Pillow."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import av
import pytest
from PIL import Image

from matinee.errors import BadInput
from matinee.generation import AudioFormat
from matinee.media.video_file import CannotWrite
from matinee.media.video_output import Unreadable, check_output, new_output
from tests.system.media.test_plain_mp4 import joined, recorded
from tests.unit.runtime.media.mp4_reading import boxes, ffprobe_streams

FRAMES = 50
SOUND = AudioFormat(48_000, 2)


def written(path: Path, *, audio: AudioFormat | None = None) -> None:
    init, fragments = recorded((30, 20), audio=audio)
    with new_output(path) as output:
        for piece in (init, *(fragment.data for fragment in fragments)):
            output.write(piece)


@pytest.mark.ffmpeg
@pytest.mark.parametrize("name", ["a.mp4", "a.WEBM", "a.webm"])
def test_a_video_has_its_pictures_and_its_sound(tmp_path: Path, name: str) -> None:
    written(tmp_path / name, audio=SOUND)
    assert os.listdir(tmp_path) == [name]
    video, audio = ffprobe_streams(tmp_path / name)
    assert video["nb_read_frames"] == str(FRAMES)
    assert (video["color_space"], video["color_range"]) == ("bt709", "tv")
    assert audio["codec_name"] == ("aac" if name == "a.mp4" else "opus")
    with av.open(tmp_path / name) as file:
        assert (file.duration or 0) / av.time_base == pytest.approx(FRAMES / 24, abs=0.03)


def test_a_gif_lasts_as_long_as_the_video(tmp_path: Path) -> None:
    written(tmp_path / "a.gif", audio=SOUND)
    with Image.open(tmp_path / "a.gif") as gif:
        assert (gif.n_frames, gif.info["loop"]) == (FRAMES, 0)  # type: ignore[attr-defined]
        spans = []
        for index in range(FRAMES):
            gif.seek(index)
            spans.append(gif.info["duration"])
    assert sum(spans) == pytest.approx(FRAMES * 1000 / 24, abs=20)


def test_a_folder_gets_a_picture_for_each_frame(tmp_path: Path) -> None:
    folder = tmp_path / "frames"
    written(folder / "%05d.png")
    assert os.listdir(tmp_path) == ["frames"]
    assert sorted(os.listdir(folder)) == [f"{number:05}.png" for number in range(1, FRAMES + 1)]
    with Image.open(folder / "00050.png") as picture:
        assert (picture.size, picture.mode) == ((64, 48), "RGB")


def test_an_empty_folder_is_filled_and_a_full_one_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    check_output("-o", folder / "%05d.png")
    written(folder / "%05d.png")
    with pytest.raises(BadInput, match=r"-o: .*frames is not empty; name a new folder"):
        check_output("-o", folder / "%05d.png")
    with pytest.raises(CannotWrite, match="not empty"):
        written(folder / "%05d.png")
    assert (len(os.listdir(folder)), os.listdir(tmp_path)) == (FRAMES, ["frames"])


def test_standard_output_gets_every_piece_as_it_comes(tmp_path: Path) -> None:
    (tmp_path / "pieces").write_bytes(joined(*recorded((30, 20))))
    code = (
        "from pathlib import Path; from matinee.media.video_output import new_output\n"
        "with new_output(Path('-')) as output: output.write(Path('pieces').read_bytes())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, check=True
    )
    assert done.stdout == (tmp_path / "pieces").read_bytes()
    assert os.listdir(tmp_path) == ["pieces"]
    assert next(boxes(done.stdout)).path == "ftyp"


@pytest.mark.parametrize("name", ["a.webm", "a.gif", "frames/%05d.png"])
def test_what_is_no_video_is_told_and_leaves_nothing(tmp_path: Path, name: str) -> None:
    with pytest.raises(Unreadable, match="no video"), new_output(tmp_path / name) as output:
        output.write(b"words")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", ["a.mp4", "a.webm", "a.gif", "frames/%05d.png"])
def test_what_is_interrupted_leaves_nothing(tmp_path: Path, name: str) -> None:
    def interrupted() -> None:
        with new_output(tmp_path / name) as output:
            output.write(joined(*recorded()))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert os.listdir(tmp_path) == []
