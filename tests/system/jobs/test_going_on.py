"""Files of a video that goes on from another one: with FFmpeg as the witness."""

from __future__ import annotations

from pathlib import Path
from typing import IO, Any, cast

import av
import numpy as np
import pytest

from matinee.generation import AudioFormat, Samples, samples_of
from matinee.jobs.film import Film
from matinee.jobs.record import Order
from matinee.media.i420 import I420Picture
from matinee.media.reading_back import EarlierVideo, first_picture, last_frames
from tests.unit.runtime.jobs.making import order

WIDTH, HEIGHT, FPS = 64, 32, 8
SOUND = AudioFormat(rate=44_100, channels=2)


def asked(frames: int, before: int = 0) -> Order:
    made = order(size=f"{WIDTH}x{HEIGHT}", num_frames=frames, fps=FPS)
    return made.model_copy(update={"frames_before": before})


def pictures(count: int, first: int = 0) -> list[I420Picture]:
    """Each of a grey of its own."""
    shape = (HEIGHT * 3 // 2, WIDTH)
    return [np.full(shape, 40 + 3 * (first + index), np.uint8) for index in range(count)]


def tone(first: int, count: int) -> list[Samples]:
    """The sound of each frame."""
    sounds = []
    for frame in range(first, first + count):
        length = samples_of(frame, 1, SOUND.rate, FPS)
        time = np.arange(length) / SOUND.rate
        wave = 0.3 * np.sin(2 * np.pi * 441 * time)
        sounds.append(np.repeat(wave[:, None], 2, axis=1).astype(np.float32))
    return sounds


def film(
    folder: Path,
    frames: int,
    audio: AudioFormat | None = None,
    before: tuple[Path, int] | None = None,
) -> Path:
    """`before`: a video, and its frames."""
    folder.mkdir()
    file, known = before or (None, 0)
    asked_frames = frames + 1 if known else frames
    made = Film(folder, asked(asked_frames, known), audio)
    if file is not None:
        made.begin_with(file)
    sounds = tone(known, frames) if audio else [None] * frames
    made.take(pictures(frames, known), sounds)
    made.finish()
    return folder / "video.mp4"


def packets(file: Path | IO[bytes]) -> list[bytes]:
    with av.open(cast(Any, file), "r") as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]


def greys(file: Path) -> list[int]:
    with av.open(str(file)) as container:
        return [round(f.to_ndarray(format="gray").mean()) for f in container.decode(video=0)]


@pytest.mark.parametrize("audio", [None, SOUND], ids=["silent", "with sound"])
def test_a_video_goes_on_without_losing_anything(tmp_path: Path, audio: AudioFormat | None) -> None:
    source = film(tmp_path / "a", 17, audio)
    longer = film(tmp_path / "b", 16, audio, (source, 17))
    last = film(tmp_path / "c", 8, audio, (longer, 33))
    assert packets(longer)[:17] == packets(source)
    assert packets(last)[:33] == packets(longer)
    assert np.diff(greys(last)).min() >= 0
    with av.open(str(last)) as container:
        video: Any = container.streams.video[0]
        assert (video.frames, video.duration * video.time_base) == (41, 41 / FPS)
        if audio is not None:
            samples = sum(frame.samples for frame in container.decode(audio=0))
            assert abs(samples - 41 * SOUND.rate // FPS) <= 1024
    stills = {"thumbnail.webp", "spritesheet.webp"}
    assert {file.name for file in last.parent.iterdir()} == {"video.mp4", *stills}


def test_sound_stays_with_its_pictures(tmp_path: Path) -> None:
    source = film(tmp_path / "a", 17, SOUND)
    shown = list(EarlierVideo(source, FPS, SOUND).frames())
    assert len(shown) == 17
    lengths = [0 if one.sound is None else len(one.sound) for one in shown]
    assert lengths == [samples_of(frame, 1, SOUND.rate, FPS) for frame in range(17)]
    heard = np.concatenate([one.sound for one in shown if one.sound is not None])
    said = np.concatenate(tone(0, 17))
    middle = slice(4096, -4096)
    assert np.abs(heard[middle] - said[middle]).mean() < 0.02


def test_what_another_encoder_made_is_encoded_again(tmp_path: Path) -> None:
    source = tmp_path / "other.mp4"
    with av.open(str(source), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"profile": "baseline"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for picture in pictures(9):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "yuv420p")))
        container.mux(stream.encode(None))
    longer = film(tmp_path / "b", 8, None, (source, 9))
    assert len(greys(longer)) == 17
    assert packets(longer)[:9] != packets(source)


def test_the_ends_of_a_video_are_read_as_pictures(tmp_path: Path) -> None:
    source = film(tmp_path / "a", 17)
    last = last_frames(source, 9)
    assert last.shape == (9, HEIGHT, WIDTH, 3)
    assert last.dtype == np.uint8
    assert len(last_frames(source, 99)) == 17
    brightness = last.mean(axis=(1, 2, 3))
    assert brightness[-1] > brightness[0]
    assert first_picture(source).startswith(b"\x89PNG")
