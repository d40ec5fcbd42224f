from __future__ import annotations

from pathlib import Path

import av
import pytest
import torch

from matinee.engine.engine import Engine
from matinee.generation import Chunk
from matinee.local.events import VideoEvent, VideoPartialEvent
from matinee.local.generator import VideoGenerator
from matinee.local.recording import recording
from tests.system.engine.families.tone import ToneFamily
from tests.unit.runtime import models
from tests.unit.runtime.media.mp4_reading import video_frames
from tests.unit.runtime.media.sounds import frequency, heard

REQUEST = models.request(height=32, num_frames=9, num_inference_steps=1)


def test_recorded_frames_keep_their_colours_and_order(tmp_path: Path) -> None:
    path = tmp_path / "new" / "video.mp4"
    frames = torch.zeros((9, 32, 64, 3), dtype=torch.uint8)
    for index in range(9):
        frames[index] = torch.tensor([25 * index, 200, 255 - 25 * index])
    with recording(path, REQUEST, None) as record:
        record(Chunk(frames[:5]))
        record(Chunk(frames[5:]))
    with av.open(path) as file:
        shown = [frame.to_ndarray(format="yuv420p") for frame in file.decode(video=0)]
    luma = [0.2126 * 25 * i + 0.7152 * 200 + 0.0722 * (255 - 25 * i) for i in range(9)]
    expected = [16 + 219 / 255 * value for value in luma]
    assert [float(picture[:32].mean()) for picture in shown] == pytest.approx(expected, abs=1.5)


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "video.mp4"
    path.write_bytes(b"before")
    with pytest.raises(ZeroDivisionError), recording(path, REQUEST, None):
        _ = 1 / 0
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_model_with_sound_writes_it_beside_the_pictures(tmp_path: Path) -> None:
    generator = VideoGenerator(Engine(ToneFamily()))
    parts: list[VideoPartialEvent] = []

    def keep(event: VideoEvent) -> None:
        parts.extend([event] if isinstance(event, VideoPartialEvent) else [])

    video = generator.generate("440 Hz", output_path=tmp_path / "tone.mp4", on_event=keep)
    data = (tmp_path / "tone.mp4").read_bytes()
    samples = 25 * 48_000 // 24
    assert len(video_frames(data)) == 25
    assert video.audio is not None
    assert video.audio.samples.shape == (samples, 2)
    assert sum(len(part.audio.samples) for part in parts if part.audio) == samples
    assert frequency(heard(data)[:samples, 0], 48_000) == pytest.approx(440, abs=1)
