from __future__ import annotations

import asyncio
import os
import pickle
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch
from PIL import Image

import matinee
from matinee.errors import (
    BadInput,
    GenerationCancelled,
    InvalidRequest,
    ModelUnavailable,
)
from matinee.local.events import VideoEvent, VideoFinalEvent, VideoPartialEvent, VideoProgressEvent
from matinee.local.generator import VideoGenerator
from matinee.local.options import GenerationOptions
from matinee.local.streaming import StreamingVideoGenerator
from matinee_api import ConfigError
from matinee_api.config.runtime_config import RequestConfig
from tests.places import ROOT

DOCS = ROOT / "docs" / "python.md"


def test_a_prompt_becomes_frames(generator: VideoGenerator) -> None:
    final = generator.generate("a red ball", seed=7)
    assert final.frames.shape == (17, 64, 64, 3)
    assert final.frames.dtype == np.uint8
    assert (final.fps, final.seed, final.video_path) == (8, 7, None)
    assert final.generation_time_s > 0


def test_the_same_seed_gives_the_same_frames(generator: VideoGenerator) -> None:
    first, second = (generator.generate("a red ball", num_frames=5) for _ in range(2))
    again = generator.generate("a red ball", num_frames=5, seed=first.seed)
    assert np.array_equal(first.frames, again.frames)
    assert not np.array_equal(first.frames, second.frames)


def test_every_step_and_chunk_is_told_before_the_final(generator: VideoGenerator) -> None:
    events: list[VideoEvent] = []
    final = generator.generate("a red ball", num_frames=25, on_event=events.append)
    kinds = [type(event).__name__.removeprefix("Video").removesuffix("Event") for event in events]
    assert kinds == ["Progress", "Progress", "Partial", "Progress", "Progress", "Partial", "Final"]
    assert [e.step for e in events if isinstance(e, VideoProgressEvent)] == [1, 2, 3, 4]
    parts = [event for event in events if isinstance(event, VideoPartialEvent)]
    assert [part.first_frame for part in parts] == [0, 17]
    assert np.array_equal(np.concatenate([part.frames for part in parts]), final.frames)


def test_a_video_file_holds_every_frame(generator: VideoGenerator, tmp_path: Path) -> None:
    path = tmp_path / "ball.mp4"
    final = generator.generate("a red ball", num_frames=25, fps=10, output_path=path)
    with av.open(path) as file:
        decoded = [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]
        assert file.streams.video[0].average_rate == 10
    assert final.video_path == path
    assert np.stack(decoded).shape == final.frames.shape


def test_a_folder_gets_a_file_named_by_prompt_and_seed(
    generator: VideoGenerator, tmp_path: Path
) -> None:
    generator.generate("a red ball: ../moving?", seed=7, num_frames=5, output_path=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["a-red-ball-moving-7.mp4"]


def test_an_image_starts_the_video(generator: VideoGenerator, tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    Image.new("RGB", (200, 100), "red").save(path)
    with_image = generator.generate("a red ball", seed=7, num_frames=5, image=path)
    without = generator.generate("a red ball", seed=7, num_frames=5)
    assert len(with_image.frames) == 5
    assert not np.array_equal(with_image.frames, without.frames)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("absent.png", None, "absent.png cannot be read: No such file"),
        ("text.png", b"not an image", "image: the image cannot be read as PNG"),
        ("notes.txt", b"words", "type '.txt' is not supported"),
    ],
)
def test_a_wrong_image_is_refused(
    generator: VideoGenerator, tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InvalidRequest, match=message):
        generator.generate("a red ball", image=tmp_path / name)


def test_what_a_listener_raises_ends_the_generation_and_leaves_no_file(
    generator: VideoGenerator, tmp_path: Path
) -> None:
    def stop(_event: VideoEvent) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generator.generate("a red ball", output_path=tmp_path / "ball.mp4", on_event=stop)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("output_path", "says"),
    [
        ("nowhere/ball.mp4", "output_path: there is no folder nowhere; make it or name another"),
        ("ball.avi", "output_path: ball.avi: no .avi is written; name a file that ends in .mp4, "),
        (5, "output_path must be a path, got 5"),
    ],
)
def test_a_wrong_output_path_is_refused(
    generator: VideoGenerator, output_path: Any, says: str
) -> None:
    with pytest.raises(BadInput, match=says):
        generator.generate("a red ball", output_path=output_path)


def test_without_a_prompt_there_is_no_video(generator: VideoGenerator) -> None:
    with pytest.raises(InvalidRequest, match="there is no prompt"):
        generator.generate()


async def test_events_can_be_iterated(generator: VideoGenerator) -> None:
    events = [event async for event in generator.generate_async("a red ball", seed=7)]
    final = events[-1]
    assert isinstance(final, VideoFinalEvent)
    assert np.array_equal(generator.generate("a red ball", seed=7).frames, final.frames)
    assert [type(event) for event in events[:-1]] == [
        VideoProgressEvent,
        VideoProgressEvent,
        VideoPartialEvent,
    ]


async def test_an_error_comes_out_of_the_iterator(generator: VideoGenerator) -> None:
    events = generator.generate_async("a red ball", width=65)
    with pytest.raises(InvalidRequest, match="width must be a multiple of 32"):
        await anext(events)


async def test_closing_the_iterator_stops_the_model_within_a_step(
    generator: VideoGenerator, tmp_path: Path
) -> None:
    events = generator.generate_async(
        "a red ball", num_inference_steps=200, output_path=tmp_path / "ball.mp4"
    )
    await anext(events)
    await events.aclose()
    assert generator._lock.acquire(blocking=False)
    generator._lock.release()
    assert os.listdir(tmp_path) == []


async def test_cancelling_the_reader_stops_the_model(generator: VideoGenerator) -> None:
    begun = asyncio.Event()

    async def read() -> None:
        async for _event in generator.generate_async("a red ball", num_inference_steps=200):
            begun.set()

    reader = asyncio.create_task(read())
    await begun.wait()
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    assert len(generator.generate("a red ball", num_frames=5).frames) == 5


def test_a_shutdown_stops_a_running_generation(model_path: Path) -> None:
    generator = VideoGenerator.from_pretrained(model_path, cpu_threads=1)
    begun = threading.Event()
    ends: list[BaseException] = []

    def generate() -> None:
        try:
            generator.generate("a", num_inference_steps=200, on_event=lambda _event: begun.set())
        except GenerationCancelled as error:
            ends.append(error)

    thread = threading.Thread(target=generate)
    thread.start()
    begun.wait()
    generator.shutdown()
    thread.join()
    assert len(ends) == 1
    with pytest.raises(RuntimeError, match="shut down"):
        generator.generate("a")


def test_a_configuration_file_gives_the_defaults(model_path: Path, tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text(
        f"generator: {{model_path: {model_path}, engine: {{cpu_threads: 1}}}}\n"
        "request: {prompt: a red ball, sampling: {num_frames: 5, seed: 7}}\n"
    )
    with VideoGenerator.from_config(file) as generator:
        final = generator.generate()
    assert (len(final.frames), final.seed) == (5, 7)
    assert final.continuation_state.facts["prompts"] == ["a red ball"]


@pytest.mark.parametrize("dtype", [torch.float32, "float32"])
def test_a_mapping_is_a_configuration_and_a_type_may_be_torchs_own(
    model_path: Path, dtype: Any
) -> None:
    engine = {"cpu_threads": np.int64(1), "device": torch.device("cpu"), "dtype": dtype}
    config = {"model_path": model_path, "engine": engine}
    request = {"prompt": "a red ball", "sampling": {"num_frames": 5, "seed": 7}}
    with VideoGenerator.from_config({"generator": config, "request": request}) as generator:
        final = generator.generate()
    with (
        VideoGenerator.from_config(config) as bare,
        VideoGenerator.from_pretrained(model_path, dtype=dtype, cpu_threads=1) as typed,
    ):
        for other in (bare, typed):
            again = other.generate("a red ball", num_frames=5, seed=7)
            assert np.array_equal(again.frames, final.frames)


@pytest.mark.parametrize("config", [None, 5, ["run.yaml"]])
def test_what_is_no_configuration_is_told(config: Any) -> None:
    with pytest.raises(InvalidRequest, match="config must be a configuration, a mapping or the"):
        VideoGenerator.from_config(config)


def test_a_request_is_taken_whole_and_options_go_over_it(generator: VideoGenerator) -> None:
    request = {"prompt": "a red ball", "sampling": {"num_frames": 5, "seed": 7}}
    one = generator.generate(request)
    same = generator.generate(RequestConfig(prompt="a red ball"), num_frames=5, seed=7)
    assert np.array_equal(one.frames, same.frames)
    assert generator.generate(request, seed=8).seed == 8
    with pytest.raises(ConfigError, match=r"sampling\.sed: unknown key; did you mean seed"):
        generator.generate({"prompt": "a", "sampling": {"sed": 1}})


def test_a_health_check_is_small_and_quick(generator: VideoGenerator) -> None:
    request = generator.default_health_check_request()
    again = RequestConfig.model_validate_json(request.model_dump_json())
    assert pickle.loads(pickle.dumps(request)) == again == request  # noqa: S301 (ours)
    steps: list[VideoEvent] = []
    video = generator.generate(request, on_event=steps.append)
    assert video.frames.shape == (5, 64, 64, 3)
    assert sum(isinstance(event, VideoProgressEvent) for event in steps) == 1


def test_what_has_no_effect_is_told(generator: VideoGenerator) -> None:
    options: GenerationOptions = {"num_frames": 5, "num_inference_steps": 1}
    assert generator.generate("a red ball", **options).notes == ()
    without: GenerationOptions = {**options, "guidance_scale": 1.0, "negative_prompt": "x"}
    video = generator.generate("a red ball " * 99, **without)
    assert [note.split(" of ")[0] for note in video.notes] == [
        f"the model reads the first {video.notes[0].split()[5]}",
        "negative_prompt has no effect at guidance_scale 1; it takes more than 1",
    ]


async def test_an_option_that_is_none_is_told_before_anything_is_awaited(
    generator: VideoGenerator,
) -> None:
    with pytest.raises(InvalidRequest, match=r"there is no option sed; did you mean seed\?"):
        generator.generate_async("a red ball", sed=7)  # type: ignore[call-arg]


def test_one_frame_is_a_picture(generator: VideoGenerator, tmp_path: Path) -> None:
    path = tmp_path / "frames" / "%05d.png"
    final = generator.generate("a red ball", num_frames=1, seed=7, output_path=path)
    assert final.frames.shape == (1, 64, 64, 3)
    assert np.array_equal(np.array(Image.open(path.with_name("00001.png"))), final.frames[0])
    with pytest.raises(InvalidRequest, match="num_frames must be from 5 to 257, got 1"):
        generator.generate("a", num_frames=1, continuation_state=final.continuation_state)


def test_a_picture_to_start_from_may_have_any_form(
    generator: VideoGenerator, tmp_path: Path
) -> None:
    """Also a JPEG's place under any name."""
    picture = Image.fromarray(np.random.default_rng(7).integers(0, 256, (80, 90, 3), np.uint8))
    path = tmp_path / "picture"
    picture.save(path, "PNG")
    forms: list[Any] = [picture, np.array(picture), path, str(path), path.read_bytes()]
    made = [
        generator.generate("a red ball", seed=7, num_frames=5, image=form).frames for form in forms
    ]
    assert all(np.array_equal(one, made[0]) for one in made[1:])


def test_what_is_printed_of_an_event_has_no_pixels(generator: VideoGenerator) -> None:
    events: list[VideoEvent] = []
    generator.generate("a red ball", num_frames=5, seed=7, on_event=events.append)
    partial, final = repr(events[-2]), repr(events[-1])
    assert partial == "VideoPartialEvent(frames=<uint8 (5, 64, 64, 3)>, audio=None, first_frame=0)"
    assert final.startswith("VideoFinalEvent(frames=<uint8 (5, 64, 64, 3)>, audio=None, fps=8, ")
    assert "continuation_state=<ltx.v1, " in final


def test_unknown_keywords_are_answered_with_the_nearest(generator: VideoGenerator) -> None:
    with pytest.raises(InvalidRequest, match="no option torch_dtype; did you mean dtype"):
        VideoGenerator.from_pretrained("builtin:tiny", torch_dtype="float32")  # type: ignore[arg-type]
    with pytest.raises(InvalidRequest, match="no option output_pth; did you mean output_path"):
        generator.generate("a", output_pth="a.mp4")  # type: ignore[call-arg]


async def test_a_generator_that_is_shut_down_says_so_at_once(model_path: Path) -> None:
    generator = StreamingVideoGenerator.from_pretrained(model_path, cpu_threads=1)
    generator.shutdown()
    with pytest.raises(RuntimeError, match="shut down"):
        generator.generate_async("a")
    with pytest.raises(RuntimeError, match="shut down"):
        generator.__enter__()
    with generator._lock, pytest.raises(RuntimeError, match="shut down"):
        await asyncio.to_thread(generator.generate, "a")


def test_a_wrong_option_is_named() -> None:
    with pytest.raises(ConfigError, match=r"engine.device"):
        VideoGenerator.from_pretrained("builtin:tiny", device="tpu")  # type: ignore[arg-type]
    with pytest.raises(ModelUnavailable, match="there is no folder"):
        VideoGenerator.from_pretrained("/no/such/model")


def test_importing_the_package_loads_no_torch() -> None:
    code = (
        "import sys, matinee; assert 'torch' not in sys.modules; "
        "matinee.VideoFinalEvent; assert 'torch' not in sys.modules; "
        "matinee.VideoGenerator; assert 'torch' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_package_exports_what_it_lists() -> None:
    assert matinee.VideoGenerator is VideoGenerator
    assert set(matinee.__all__) <= set(dir(matinee))
    with pytest.raises(AttributeError, match="no attribute 'Video'"):
        matinee.Video  # noqa: B018


def test_the_examples_of_the_documentation_run(
    model_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    examples = re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL)
    assert examples
    names: dict[str, object] = {}
    for example in examples:
        exec(example, names)  # noqa: S102
