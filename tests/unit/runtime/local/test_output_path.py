from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from matinee.errors import BadInput
from matinee.local.output_path import check_output_file, check_output_path, file_path
from tests.system.local.test_recording import REQUEST


@pytest.mark.parametrize(
    ("output_path", "file"),
    [
        ("ball.mp4", "ball.mp4"),
        ("some/Ball.MP4", "some/Ball.MP4"),
        ("outputs/", "outputs/a-red-ball-7.mp4"),
        ("-", "-"),
        ("ball.webm", "ball.webm"),
        ("ball.GIF", "ball.GIF"),
        ("frames/%05d.png", "frames/%05d.png"),
    ],
)
def test_a_path_is_a_file_or_a_folder(output_path: str, file: str) -> None:
    assert file_path(Path(output_path), REQUEST) == Path(file)


@pytest.mark.parametrize("prompt", ["\U0001d4ea" * 8000, "é" * 8000, "a" * 8000, "🟥"])
def test_a_name_from_a_prompt_fits_every_disk(prompt: str, tmp_path: Path) -> None:
    path = file_path(tmp_path, dataclasses.replace(REQUEST, prompt=prompt, seed=2**32 - 1))
    check_output_path("-o", path)
    assert len(path.name.encode()) <= 220


LONG = "a" * 300
ALL = "name a file that ends in .mp4, .webm or .gif"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the file `file`, some empty folders, and `full` with a file in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    (tmp_path / "kept.mp4").touch(0o444)
    for name in ("folder", "old.avi", "old.mp4"):
        (tmp_path / name).mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    return tmp_path


@pytest.mark.parametrize(
    "path",
    [
        "new.mp4",
        "new.webm",
        "new.gif",
        "new/%05d.png",
        "new",
        "folder",
        "folder/new.mp4",
        "folder/new",
        "old.avi",
        ".",
    ],
)
def test_a_new_file_or_folder_in_a_folder_is_fine(here: Path, path: str) -> None:
    before = sorted(here.rglob("*"))
    check_output_path("-o", Path(path))
    assert sorted(here.rglob("*")) == before


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("old.mp4", "old.mp4 is a folder; name a file in it"),
        ("file", "file is a file, not a folder; a video's name ends in .mp4"),
        ("new.avi", f"new.avi: no .avi is written; {ALL}, a folder of PNGs as new/, or -"),
        ("new.png", f"new.png: no .png is written; {ALL}, a folder of PNGs as new/, or -"),
        ("%05d.png", "pictures go into a folder of their own; name one, such as frames/"),
        ("full/%05d.png", "full is not empty; name a new folder"),
        ("nowhere/new/%05d.png", "there is no folder nowhere; make it or name another one"),
        ("nowhere/new.mp4", "there is no folder nowhere; make it or name another one"),
        ("nowhere/new", "there is no folder nowhere; make it or name another one"),
        ("file/new.mp4", "there is no folder file; make it or name another one"),
        ("/proc/new.mp4", "/proc/new.mp4 cannot be written"),
        ("/proc", "/proc/video.mp4 cannot be written"),
        ("a\0.mp4", "cannot be written: embedded null byte; name another file"),
        ("kept.mp4", "kept.mp4 is write-protected; name another file"),
        (LONG, "cannot be written: File name too long; name another file"),
        (f"{LONG}.mp4", "cannot be written: File name too long; name another file"),
        (f"{LONG}/%05d.png", "cannot be written: File name too long; name another file"),
        (f"{LONG}.avi", "no .avi is written"),
    ],
)
def test_a_place_where_no_video_can_be_is_told_with_the_remedy(
    here: Path, path: str, says: str
) -> None:
    with pytest.raises(BadInput) as caught:
        check_output_path("-o", Path(path))
    assert str(caught.value).startswith("-o: ")
    assert says in str(caught.value)
    assert caught.value.param == "-o"


def test_where_only_a_file_will_do_a_folder_is_refused(here: Path) -> None:
    with pytest.raises(BadInput, match=r"new does not say what it is to be; name it .*new.mp4, or"):
        check_output_file("-o", here / "new")
    for name in ("file", LONG):
        with pytest.raises(BadInput, match=f"{name} does not say what it is to be"):
            check_output_file("-o", here / name)
    with pytest.raises(BadInput, match="is a folder; name a file in it"):
        check_output_file("-o", here / "folder")
