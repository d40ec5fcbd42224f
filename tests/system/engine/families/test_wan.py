from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from PIL import Image

from matinee.engine.engine import Engine
from matinee.engine.families.wan import WanFamily
from matinee.engine.pipelines import to_rgb
from matinee.engine.wan_decoding import decoded, denormalised, encoded
from matinee.engine.windows import Window
from matinee.errors import InvalidRequest, InvalidState, ModelUnavailable
from matinee.generation import Chunk, StepProgress
from matinee.state.last_frames import LastFrames
from matinee.state.stored import from_stored, to_stored
from matinee.weights.model_folder import ModelSettings
from matinee_api.config.runtime_config import EngineConfig, GeneratorConfig
from tests.system.engine.cases import wan
from tests.system.engine.conformance import Case, contents, ignore, made, pixels_of
from tests.system.engine.untrained_wan import SETTINGS, Kind, untrained_wan

KINDS: tuple[Kind, ...] = get_args(Kind)


def joined(chunks: list[Chunk]) -> np.ndarray:
    return np.concatenate(list(map(pixels_of, chunks)))


def picture(case: Case) -> Image.Image | None:
    return Image.fromarray(LastFrames.of(case.opening).frames[-1]) if case.opening else None


@pytest.mark.filterwarnings("ignore:__array__ implementation")  # in the bare pipeline
@pytest.mark.parametrize("kind", KINDS)
def test_the_first_segment_is_the_bare_pipelines_clip(kind: Kind) -> None:
    case = wan(kind)
    request = case.request(chunks=1)
    image = picture(case)
    bare = untrained_wan(kind)
    bare.set_progress_bar_config(disable=True)
    pictures = bare(
        prompt=request.prompt,
        negative_prompt=request.negative_prompt,
        width=32,
        height=32,
        num_frames=9,
        num_inference_steps=2,
        guidance_scale=request.guidance_scale,
        generator=torch.Generator().manual_seed(request.seed),
        max_sequence_length=16,
        output_type="pil",
        **({"image": image} if image else {}),
    ).frames[0]
    assert np.array_equal(np.stack(pictures), joined(made(case.begin(request))))


@pytest.mark.parametrize("kind", KINDS)
def test_the_model_is_told_from_its_files_and_goes_on_where_another_process_stopped(
    kind: Kind, tmp_path: Path
) -> None:
    untrained_wan(kind).save_pretrained(tmp_path)
    (tmp_path / "matinee.json").write_text(json.dumps(SETTINGS[kind]))
    config = EngineConfig(device="cpu", cpu_threads=1)
    one, other = (
        Case(
            Engine.load(GeneratorConfig(model_path=str(tmp_path), engine=config)),
            "a red ball",
            wan(kind).opening,
        )
        for _ in range(2)
    )
    assert one.info == dataclasses.replace(wan(kind).info, model_id=tmp_path.name)
    state = one.first_segment()
    stored = to_stored(state, 1000)
    request = one.request(seed=3, chunks=1)
    again = made(other.begin(request, from_stored(stored.facts, stored.blobs)))
    assert contents(made(one.begin(request, state))) == contents(again)


@pytest.mark.parametrize(
    ("kind", "size", "frames", "fps", "steps", "overlap", "able"),
    [
        ("t2v", (832, 480), 81, 16, 50, 9, ("text", "continuation")),
        ("i2v", (1280, 720), 81, 16, 40, 1, ("image", "continuation")),
        ("ti2v", (1280, 704), 121, 24, 50, 1, ("text", "image", "continuation")),
    ],
)
def test_a_model_without_settings_is_run_as_wan_run_theirs(
    kind: Kind, size: tuple[int, int], frames: int, fps: int, steps: int, overlap: int, able: Any
) -> None:
    info = WanFamily(untrained_wan(kind), ModelSettings(), "plain").info
    usual = info.defaults
    assert ((usual.width, usual.height), usual.num_frames, usual.fps) == (size, frames, fps)
    assert (usual.num_inference_steps, info.chunk_frames) == (steps, frames)
    assert (info.overlap_frames, info.capabilities) == (overlap, able)
    assert info.spatial_factor == (32 if kind == "ti2v" else 16)
    assert "overexposed" in usual.negative_prompt


def test_pictures_leave_as_they_are_decoded() -> None:
    case = wan("t2v")
    run = case.begin(case.request())
    decodes: list[int] = []
    vae = case.engine._family.text.vae  # type: ignore[union-attr]
    hook = vae.decoder.register_forward_hook(lambda *_: decodes.append(1))
    seen = []
    while not run.finished:
        steps: list[StepProgress] = []
        chunk = run.next_chunk(steps.append)
        seen.append((len(chunk.frames), len(steps), len(decodes), chunk.more))
    hook.remove()
    first, going_on = seen[:3], seen[3:]
    assert first == [(1, 2, 1, True), (4, 0, 2, True), (4, 0, 3, False)]
    assert going_on == [(4, 2, 6, False)]  # two of the three latents are known


@pytest.mark.parametrize("kind", ["t2v", "ti2v"])
def test_decoding_part_by_part_is_the_vaes_own_decode(kind: Kind) -> None:
    vae = untrained_wan(kind).vae
    latents = torch.randn(1, 16, 4, 4, 4, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        whole = vae.decode(latents, return_dict=False)[0]
        parts = list(decoded(vae, latents))
        assert [part.shape[2] for part in parts] == [1, 4, 4, 4]
        assert torch.equal(whole, torch.cat(parts, dim=2))
        vae.enable_tiling()
        (tiled,) = decoded(vae, latents)
        assert torch.equal(vae.decode(latents, return_dict=False)[0], tiled)


def test_a_part_that_fails_is_made_again_and_none_twice() -> None:
    case = wan("t2v")
    alone = contents(made(case.begin(case.request())))
    run = case.begin(case.request())
    chunks = [run.next_chunk(ignore)]

    def fail(*_: object) -> None:
        hook.remove()
        raise MemoryError

    vae = case.engine._family.text.vae  # type: ignore[union-attr]
    hook = vae.decoder.register_forward_hook(fail)
    with pytest.raises(MemoryError):
        run.next_chunk(ignore)
    assert alone == contents(chunks + made(run))


def test_the_state_after_a_part_holds_what_was_shown() -> None:
    case = wan("t2v")
    run = case.begin(case.request())
    shown = joined([run.next_chunk(ignore), run.next_chunk(ignore)])
    assert np.array_equal(LastFrames.of(run.state()).frames, shown[-5:])


def test_a_text_model_holds_the_latents_of_the_last_frames() -> None:
    case = wan("t2v")
    sampler = case.engine._family.begin(case.request(), None)._sampler  # type: ignore[union-attr]
    known = torch.from_numpy(LastFrames.of(case.first_segment()).frames)
    with torch.no_grad():
        generator = torch.Generator().manual_seed(1)
        latents = sampler._go_on(Window(9, known, 5, 1), generator, ignore)
        vae = sampler._text.vae
        clean = encoded(vae, to_rgb(known).transpose(0, 1)[None] * 2 - 1)
        assert torch.equal(latents[:, :, :2], clean)
        assert torch.isfinite(denormalised(vae, latents)).all()


@pytest.mark.parametrize("kind", ["i2v", "ti2v"])
def test_an_image_is_obeyed(kind: Kind) -> None:
    case = wan(kind)
    request = case.request(chunks=1, steps=1)
    grey, white = (
        made(case.begin(request, LastFrames(frames).to_state("wan.v1")))
        for frames in (np.full((1, 32, 32, 3), value, np.uint8) for value in (128, 255))
    )
    assert contents(grey) != contents(white)
    assert joined(grey).shape == (9, 32, 32, 3)


def test_what_a_model_cannot_do_is_refused_with_what_it_can() -> None:
    image = LastFrames(np.zeros((1, 32, 32, 3), np.uint8)).to_state("wan.v1")
    text = wan("t2v")
    with pytest.raises(InvalidRequest, match="initial_image cannot be taken: wan-t2v makes a vid"):
        text.begin(text.request(), image)
    needs_image = wan("i2v")
    with pytest.raises(
        InvalidRequest, match="initial_image is needed: wan-i2v makes a video whose"
    ):
        needs_image.engine.begin(needs_image.request(), None)


def test_a_warm_up_begins_with_grey_where_a_prompt_is_not_enough() -> None:
    assert wan("t2v").engine.trial_opening() is None
    case = wan("i2v")
    state = case.engine.trial_opening()
    assert state is not None
    made(case.engine.begin(case.request(chunks=1, steps=1), state))


def test_a_model_that_takes_one_frame_cannot_be_set_to_take_more() -> None:
    with pytest.raises(ModelUnavailable, match="overlap_frames must be 1, got 5"):
        WanFamily(untrained_wan("ti2v"), ModelSettings(overlap_frames=5), "bad")


def test_a_scheduler_that_mixes_in_another_way_leaves_a_text_model_without_continuation() -> None:
    pipeline = untrained_wan("t2v")
    pipeline.scheduler = type(pipeline.scheduler)()
    assert WanFamily(pipeline, ModelSettings(), "old").info.capabilities == ("text",)


def test_a_state_of_another_size_is_refused() -> None:
    case = wan("ti2v")
    wider = LastFrames(np.zeros((2, 32, 64, 3), np.uint8)).to_state("wan.v1")
    with pytest.raises(InvalidState, match="64x32"):
        case.begin(case.request(), wider)
