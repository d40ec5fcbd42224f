from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from matinee.engine.engine import Engine
from matinee.engine.families.ltx import LtxFamily, shifted_timesteps
from matinee.engine.windows import Window
from matinee.errors import ModelUnavailable
from matinee.generation import GenerationDefaults
from matinee.weights.model_folder import ModelSettings
from matinee_api.config.runtime_config import EngineConfig, GeneratorConfig
from tests.system.engine.untrained import untrained_pipeline
from tests.unit.runtime import models

REQUEST = models.request(width=32, num_frames=9)
WINDOW = Window(9, torch.empty((0, 64, 32, 3), dtype=torch.uint8), hidden=0, noise_seed=7)


def load(folder: Path) -> Engine:
    config = GeneratorConfig(
        model_path=str(folder), engine=EngineConfig(device="cpu", cpu_threads=1)
    )
    return Engine.load(config)


def test_the_model_says_how_it_wants_to_be_run(engine: Engine) -> None:
    info = engine.info
    assert (info.model_id, info.family, info.state_kind) == ("untrained", "ltx", "ltx.v1")
    assert (info.spatial_factor, info.temporal_factor) == (32, 4)
    assert (info.chunk_frames, info.overlap_frames) == (17, 9)
    assert info.defaults == GenerationDefaults(
        width=64, height=64, num_frames=17, fps=8, num_inference_steps=2, guidance_scale=3.0
    )
    assert info.components["vae"] == "AutoencoderKLLTXVideo"


def test_a_model_without_settings_is_run_as_lightricks_run_theirs() -> None:
    info = LtxFamily(untrained_pipeline(), ModelSettings(), "plain").info
    assert (info.chunk_frames, info.overlap_frames) == (121, 9)
    assert info.defaults == GenerationDefaults(
        width=704, height=480, num_frames=121, fps=24, num_inference_steps=40, guidance_scale=3.0
    )


@pytest.mark.parametrize("pipeline_class", ["LTXPipeline", "LTXImageToVideoPipeline"])
def test_other_ltx_pipelines_are_loaded_into_the_condition_pipeline(
    model_folder: Path, tmp_path: Path, pipeline_class: str
) -> None:
    folder = Path(shutil.copytree(model_folder, tmp_path / "model"))
    index = json.loads((folder / "model_index.json").read_text())
    (folder / "model_index.json").write_text(json.dumps({**index, "_class_name": pipeline_class}))
    assert load(folder).info.family == "ltx"


def test_an_unknown_pipeline_is_refused_by_name(model_folder: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(model_folder, tmp_path / "model"))
    (folder / "matinee.json").unlink()
    (folder / "model_index.json").write_text('{"_class_name": "MochiPipeline"}')
    with pytest.raises(
        ModelUnavailable, match=r"no family runs MochiPipeline; .* LTXPipeline.* clip"
    ):
        load(folder)


def test_weights_of_another_shape_are_refused(model_folder: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(model_folder, tmp_path / "model"))
    file = folder / "transformer" / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "attention_head_dim": 32}))
    with pytest.raises(ModelUnavailable, match="cannot be loaded as an LTX model"):
        load(folder)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (ModelSettings(chunk_frames=16), "chunk_frames must be 4 x k . 1 .* got 16"),
        (ModelSettings(chunk_frames=5), "overlap_frames must be .* at most chunk_frames, got 9"),
        (ModelSettings(width=48), "matinee.json: width must be a multiple of 32, got 48"),
    ],
)
def test_settings_that_do_not_fit_the_model_are_refused(
    settings: ModelSettings, message: str
) -> None:
    with pytest.raises(ModelUnavailable, match=message):
        LtxFamily(untrained_pipeline(), settings, "bad")


def test_loading_and_running_writes_nothing(
    model_folder: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    run = load(model_folder).begin(REQUEST)
    with caplog.at_level(logging.WARNING):
        run.next_chunk(lambda _step: None)
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []


@pytest.mark.filterwarnings("ignore:__array__ implementation")  # in the bare pipeline
@pytest.mark.parametrize("timestep_conditioning", [False, True])
def test_our_decode_is_the_pipelines_own(timestep_conditioning: bool) -> None:
    pipeline = untrained_pipeline(timestep_conditioning)
    family = LtxFamily(pipeline, ModelSettings(max_sequence_length=16), "any")
    (made,) = family._sampler(REQUEST).sample(WINDOW, lambda _step: None)
    pictures = pipeline(
        prompt="a red ball",
        width=32,
        height=64,
        num_frames=9,
        frame_rate=8,
        num_inference_steps=2,
        guidance_scale=1.0,
        generator=torch.Generator().manual_seed(7),
        max_sequence_length=16,
    ).frames[0]
    assert np.array_equal(np.stack(pictures), made.frames.numpy())


def test_a_sampler_leaves_the_familys_scheduler_alone(engine: Engine) -> None:
    family = engine._family
    assert isinstance(family, LtxFamily)
    before = family._pipeline.scheduler.sigmas.clone()
    list(family._sampler(REQUEST).sample(WINDOW, lambda _step: None))
    assert torch.equal(before, family._pipeline.scheduler.sigmas)


def test_shifted_timesteps_begin_at_full_noise_and_dwell_there() -> None:
    assert shifted_timesteps(4, 3.0) == pytest.approx([1000.0, 900.0, 750.0, 500.0])
    assert shifted_timesteps(2, 1.0) == [1000.0, 500.0]
