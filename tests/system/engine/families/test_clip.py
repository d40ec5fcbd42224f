from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from PIL import Image

from matinee.engine.engine import Engine
from matinee.engine.families.clip import ClipFamily, check_callable
from matinee.errors import InvalidRequest, ModelUnavailable
from matinee.generation import StepProgress
from matinee.state.last_frames import LastFrames
from matinee.weights.model_folder import ModelSettings
from matinee_api.config.runtime_config import EngineConfig, GeneratorConfig
from tests.system.engine.cases import clip
from tests.system.engine.conformance import contents, ignore, made
from tests.system.engine.families.test_wan import joined, picture
from tests.system.engine.untrained import SETTINGS, untrained_pipeline

untyped: Any = diffusers


@pytest.mark.filterwarnings("ignore:__array__ implementation")  # in the bare pipeline
def test_the_first_segment_is_the_bare_pipelines_clip_and_begins_with_the_image() -> None:
    case = clip()
    request = case.request(chunks=1)
    pipeline = untyped.LTXImageToVideoPipeline(**untrained_pipeline().components)
    pipeline.set_progress_bar_config(disable=True)
    pictures = pipeline(
        image=picture(case),
        prompt=request.prompt,
        width=64,
        height=64,
        num_frames=17,
        frame_rate=8,
        num_inference_steps=2,
        guidance_scale=3.0,
        generator=torch.Generator().manual_seed(request.seed),
        max_sequence_length=16,
    ).frames[0]
    assert np.array_equal(np.stack(pictures), joined(made(case.begin(request))))


def load(folder: Path, **config: Any) -> Engine:
    device = EngineConfig(device="cpu", cpu_threads=1)
    return Engine.load(GeneratorConfig(model_path=str(folder), engine=device, **config))


def test_it_is_chosen_by_name_and_takes_its_defaults_from_the_call(tmp_path: Path) -> None:
    untyped.LTXPipeline(**untrained_pipeline().components).save_pretrained(tmp_path)
    info = load(tmp_path, family="clip").info
    assert (info.family, info.state_kind, info.capabilities) == ("clip", "clip.v1", ("text",))
    usual = info.defaults
    assert (usual.width, usual.height, usual.num_frames, usual.fps) == (704, 512, 161, 25)
    assert (usual.num_inference_steps, usual.guidance_scale, info.prompt_tokens) == (50, 3.0, 128)
    assert (info.spatial_factor, info.temporal_factor, info.max_frames) == (32, 4, 161)


def test_a_pipeline_without_images_makes_one_clip_and_says_so() -> None:
    pipeline = untyped.LTXPipeline(**untrained_pipeline().components)
    pipeline.set_progress_bar_config(disable=True)
    settings = {**SETTINGS, "family": "clip", "overlap_frames": 1}
    del settings["timestep_shift"]
    engine = Engine(ClipFamily(pipeline, ModelSettings.model_validate(settings), "one-clip"))
    case = type(clip())(engine, "a red ball")
    run = case.begin(case.request(chunks=1, steps=1))
    made(run)
    for state, param in (
        (run.state(), "continuation_state"),
        (LastFrames(np.zeros((1, 64, 64, 3), np.uint8)).to_state("clip.v1"), "initial_image"),
    ):
        with pytest.raises(InvalidRequest, match="one-clip makes a video from a prompt") as caught:
            case.begin(case.request(chunks=1), state)
        assert caught.value.param == param


def test_without_a_callback_the_scheduler_tells_of_steps() -> None:
    case = clip()
    family: Any = case.engine._family  # type: ignore[union-attr]
    silent = ClipFamily(family._pipeline, ModelSettings(), "silent")
    silent.info = family.info
    silent._given = {
        name: one for name, one in family._given.items() if not name.startswith("callback")
    }
    seen: list[StepProgress] = []
    chunks = made(silent.begin(case.request(), case.opening), seen.append)
    assert [progress.step for progress in seen] == [1, 2, 3, 4]
    assert contents(chunks) == contents(made(case.begin(case.request())))


@pytest.mark.parametrize(
    "name",
    [
        *("CogVideoXPipeline", "CogVideoXImageToVideoPipeline", "HunyuanVideo15Pipeline"),
        *("HunyuanVideo15ImageToVideoPipeline", "MochiPipeline", "LattePipeline"),
        *("Cosmos2_5_PredictBasePipeline", "Kandinsky5I2VPipeline", "SanaVideoPipeline"),
        *("SkyReelsV2Pipeline", "EasyAnimatePipeline", "AllegroPipeline"),
    ],
)
def test_many_pipelines_can_be_called(name: str) -> None:
    check_callable(getattr(diffusers, name))


@pytest.mark.parametrize("name", ["FluxPipeline", "LTXLatentUpsamplePipeline", "nothing", "torch"])
def test_what_makes_no_videos_is_refused_by_name(name: str, tmp_path: Path) -> None:
    (tmp_path / "model_index.json").write_text(json.dumps({"_class_name": name}))
    with pytest.raises(ModelUnavailable, match=name):
        load(tmp_path, family="clip")


def test_a_video_of_another_size_than_asked_for_is_no_answer() -> None:
    run: Any = clip().begin(clip().request(), clip().opening)
    sampler = run._sampler
    with pytest.raises(InvalidRequest, match="makes 64x32 of it; ask for that"):
        sampler._check((17, 32, 64, 3), 17)
    with pytest.raises(InvalidRequest, match="makes 16 of 17; ask for that"):
        sampler._check((16, 64, 64, 3), 17)


def test_a_cancel_comes_before_the_decode() -> None:
    class Stopped(Exception):
        pass

    def stop(_progress: StepProgress) -> None:
        raise Stopped

    case = clip()
    family: Any = case.engine._family  # type: ignore[union-attr]
    hook = family._pipeline.vae.decoder.register_forward_hook(lambda *_: pytest.fail("decoded"))
    with pytest.raises(Stopped):
        case.begin(case.request(steps=1)).next_chunk(stop)
    hook.remove()


def test_an_image_is_obeyed() -> None:
    case = clip()
    request = case.request(chunks=1, steps=1)
    grey, white = (
        case.begin(request, LastFrames(frames).to_state("clip.v1")).next_chunk(ignore)
        for frames in (np.full((1, 64, 64, 3), value, np.uint8) for value in (128, 255))
    )
    assert contents([grey]) != contents([white])
    assert Image.fromarray(joined([grey])[0]).size == (64, 64)
