from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from matinee.engine.engine import Engine
from matinee.engine.families.ltx2 import Clock, Ltx2Family
from matinee.errors import InvalidState
from matinee.generation import Chunk, samples_of
from matinee.state.last_frames import LastFrames, SoundTail
from matinee.state.stored import from_stored, to_stored
from matinee.weights.model_folder import ModelSettings
from matinee_api.config.runtime_config import EngineConfig, GeneratorConfig
from tests.system.engine.cases import ltx2
from tests.system.engine.conformance import Case, contents, ignore, made
from tests.system.engine.families.test_wan import joined
from tests.system.engine.untrained_ltx2 import RATE, SETTINGS, untrained_ltx2


def sound(chunks: list[Chunk]) -> np.ndarray:
    return np.concatenate([chunk.audio.samples for chunk in chunks if chunk.audio])


def test_the_first_segment_is_the_bare_pipelines_clip_and_its_sound() -> None:
    case = ltx2()
    request = dataclasses.replace(case.request(chunks=1), guidance_scale=3.0)
    bare = untrained_ltx2()
    bare.set_progress_bar_config(disable=True)
    answer = bare(
        prompt=request.prompt,
        negative_prompt="",
        width=32,
        height=32,
        num_frames=9,
        frame_rate=24.0,
        num_inference_steps=2,
        guidance_scale=3.0,
        audio_latents=torch.zeros(1, 2, 11, 2),  # as long as the pictures last
        generator=torch.Generator().manual_seed(request.seed),
        max_sequence_length=16,
        output_type="pil",
    )
    chunks = made(case.begin(request))
    assert np.array_equal(np.stack(answer.frames[0]), joined(chunks))
    wave = answer.audio[0].T.numpy()
    heard = sound(chunks)
    assert len(heard) == samples_of(0, 9, RATE, 24) <= len(wave)
    assert np.array_equal(wave[: len(heard)], heard)


def test_the_sound_begins_as_the_one_before_ended() -> None:
    case = ltx2()
    state = case.first_segment()
    tail = LastFrames.of(state).sound
    assert tail is not None
    run: Any = case.begin(case.request(), state)
    sampler = run._sampler
    seen: list[torch.Tensor] = []
    decode = sampler._pipeline.audio_vae.decoder
    hook = decode.register_forward_hook(lambda _vae, latents, _mel: seen.append(latents[0]))
    chunks = made(case.begin(case.request(chunks=1), state))
    hook.remove()
    vae = sampler._pipeline.audio_vae
    first, _ = Clock.of(sampler._pipeline, 24).place(tail, 5)
    steps = (tail.mel.shape[1] - first - 1) // 4 * 4 + 1
    with torch.no_grad():
        mel = torch.from_numpy(tail.mel[None, :, first : first + steps].copy())
        known = vae.encode(mel).latent_dist.mode()
    assert known.shape[2] == (steps - 1) // 4 + 1
    assert torch.allclose(seen[0][:, :, : known.shape[2]], known, atol=1e-5)
    assert len(sound(chunks)) == samples_of(0, 8, RATE, 24)


@pytest.mark.parametrize(("frames", "overlap", "fps"), [(121, 9, 24), (97, 17, 25), (9, 5, 24)])
def test_sound_never_drifts_from_its_pictures(frames: int, overlap: int, fps: int) -> None:
    clock, begins_s = Clock(fps, 100.0, 24_000), 0.0
    for _ in range(200):
        steps = (clock.latents_for(frames, begins_s, 4) - 1) * 4 + 1
        assert begins_s + steps / 100 >= frames / fps - 1e-9
        kept, shift_us = clock.tail(steps, begins_s, frames, overlap)
        tail = SoundTail(np.zeros((2, kept, 8), np.float32), shift_us)
        first, begins_s = clock.place(tail, overlap)
        assert abs(begins_s) <= 0.005 + 1e-6
        assert kept - first >= overlap / fps * 100 - 1


def test_the_model_is_told_from_its_files_and_goes_on_where_another_process_stopped(
    tmp_path: Path,
) -> None:
    untrained_ltx2().save_pretrained(tmp_path)
    (tmp_path / "matinee.json").write_text(json.dumps(SETTINGS))
    config = EngineConfig(device="cpu", cpu_threads=1)
    one, other = (
        Case(Engine.load(GeneratorConfig(model_path=str(tmp_path), engine=config)), "a red ball")
        for _ in range(2)
    )
    assert one.info == dataclasses.replace(ltx2().info, model_id=tmp_path.name)
    state = one.first_segment()
    stored = to_stored(state, 1000)
    again = made(other.begin(other.request(seed=3), from_stored(stored.facts, stored.blobs)))
    assert contents(made(one.begin(one.request(seed=3), state))) == contents(again)


def test_a_model_without_settings_is_run_as_the_pipeline_says() -> None:
    info = Ltx2Family(untrained_ltx2(), ModelSettings(), "plain").info
    usual = info.defaults
    assert (usual.width, usual.height, usual.num_frames, usual.fps) == (768, 512, 121, 24)
    assert (usual.num_inference_steps, usual.guidance_scale) == (30, 3.0)
    assert info.audio is not None
    assert (info.audio.rate, info.audio.channels) == (RATE, 2)


def test_a_state_whose_sound_is_none_is_refused() -> None:
    case = ltx2()
    state = case.first_segment()
    facts = {name: value for name, value in state.facts.items() if name != "sound_shift_us"}
    frames = {"frames": state.tensors["frames"]}
    loud = state.tensors["sound"].copy()
    loud[0, 0, 0] = np.inf
    for bad, message in (
        (dataclasses.replace(state, facts=facts), "belong together"),
        (dataclasses.replace(state, tensors=frames), "belong together"),
        (dataclasses.replace(state, tensors={**frames, "sound": loud}), "no number"),
        (dataclasses.replace(state, tensors={**frames, "sound": loud[0]}), "must be float32"),
    ):
        with pytest.raises(InvalidState, match=message):
            case.begin(case.request(), bad)
    silent = dataclasses.replace(state, tensors=frames, facts=facts)
    case.begin(case.request(chunks=1, steps=1), silent).next_chunk(ignore)
