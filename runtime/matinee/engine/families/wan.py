"""Wan 2.1 and 2.2 over diffusers' `WanPipeline` and `WanImageToVideoPipeline`.

What a model is, its files tell: TI2V (`expand_timesteps`: text, image and continuation by one
transformer), I2V (an image first, continuation from the last frame) or T2V, whose transformer has
no place for frames. A T2V model goes on because the latents of the last frames are put back after
every denoising step, at the noise that is left then; the rest grows to fit them
(docs/decisions/0044-text-models-go-on.md).

Two experts (2.2) share the steps as the pipeline says. Frames leave as they are decoded.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

import torch
from diffusers import WanImageToVideoPipeline, WanPipeline
from diffusers.utils.torch_utils import randn_tensor
from PIL import Image

from matinee.engine.pipelines import (
    finish,
    load_pipeline,
    model_info,
    modules_of,
    reporting,
    settings_over,
    to_rgb,
    to_uint8,
    with_own_state,
)
from matinee.engine.prompts import characters_read
from matinee.engine.wan_decoding import decoded, denormalised, encoded
from matinee.engine.windows import Part, Window, WindowRun
from matinee.errors import ModelUnavailable
from matinee.generation import SegmentRequest, State
from matinee.weights.model_folder import ModelFolder, ModelSettings
from matinee_api.families import WAN, Capability

_TEXT: Any = WanPipeline  # only half of their functions are annotated
_IMAGE: Any = WanImageToVideoPipeline
_NEGATIVE_PROMPT = (
    "Bright tones, overexposed, static, blurred details, subtitles, style, works, paintings, "
    "images, static, overall gray, worst quality, low quality, JPEG compression residue, ugly, "
    "incomplete, extra fingers, poorly drawn hands, poorly drawn faces, deformed, disfigured, "
    "misshapen limbs, fused fingers, still picture, messy background, three legs, many people in "
    "the background, walking backwards"
)
"""What all of them are run with, in the English of diffusers' documentation."""
_WAN_2_1 = ModelSettings(
    family=WAN.name,
    width=832,
    height=480,
    num_frames=81,
    fps=16,
    num_inference_steps=50,
    guidance_scale=5.0,
    negative_prompt=_NEGATIVE_PROMPT,
    max_sequence_length=512,
    chunk_frames=81,
    overlap_frames=1,
)
_TI2V = {"width": 1280, "height": 704, "num_frames": 121, "chunk_frames": 121, "fps": 24}
_TWO_EXPERTS = {"width": 1280, "height": 720, "num_inference_steps": 40}
_HELD_FRAMES = 9
"""That a T2V model goes on from: three latents, which show a motion."""


def load(folder: ModelFolder, model_id: str, device: torch.device, dtype: torch.dtype) -> WanFamily:
    """As the class that `model_index.json` names."""
    wanted = _IMAGE if folder.pipeline_class == _IMAGE.__name__ else _TEXT
    # The VAE is made for float32: in less, its pictures show bands.
    dtypes = {"default": dtype, "vae": torch.float32}
    pipeline = load_pipeline(wanted, folder.path, device, dtypes, "a Wan model")
    return WanFamily(pipeline, folder.settings, model_id)


class WanFamily:
    """A loaded Wan model. `text`, `image`: the pipelines that its transformers can be run by."""

    def __init__(self, pipeline: Any, given: ModelSettings, model_id: str) -> None:
        self.text, self.image = _pipelines(pipeline)
        self._settings = settings_over(_usual(pipeline), given)
        self._tokenizer = pipeline.tokenizer
        transformer = pipeline.transformer or pipeline.transformer_2
        factor = pipeline.vae_scale_factor_spatial * transformer.config.patch_size[1]
        self.info = model_info(
            pipeline,
            WAN,
            self._settings,
            model_id,
            spatial_factor=math.lcm(WAN.size_factor, factor),
            temporal_factor=pipeline.vae_scale_factor_temporal,
            capabilities=_capabilities(self.text, self.image),
        )
        if self.image is not None and self.info.overlap_frames != 1:
            raise ModelUnavailable(
                f"matinee.json: overlap_frames must be 1, got {self.info.overlap_frames}: "
                "this model goes on from one frame"
            )
        self.modules = modules_of(pipeline)

    def characters_read(self, prompt: str) -> int:
        return characters_read(self._tokenizer, prompt, self._settings.max_sequence_length or 0)

    def begin(self, request: SegmentRequest, state: State | None) -> WindowRun:
        text, image = (one and with_own_state(one) for one in (self.text, self.image))
        sampler = WanSampler(text, image, self._settings.max_sequence_length, request)
        return WindowRun(self.info, sampler, request, state)


def _pipelines(pipeline: Any) -> tuple[Any, Any]:
    """For text and for images; None for what the model was not trained for."""
    is_image = isinstance(pipeline, _IMAGE)
    if not pipeline.config.expand_timesteps:
        return (None, pipeline) if is_image else (pipeline, None)
    shared = {
        name: part
        for name, part in pipeline.components.items()
        if name not in ("image_encoder", "image_processor")
    }
    both = (
        made(**shared, boundary_ratio=pipeline.config.boundary_ratio, expand_timesteps=True)
        for made in (_TEXT, _IMAGE)
    )
    text, image = both
    for one in (text, image):
        one.set_progress_bar_config(disable=True)
    return text, image


def _usual(pipeline: Any) -> ModelSettings:
    """What Wan's own models of its kind are run with."""
    changed: dict[str, Any] = {}
    if pipeline.config.expand_timesteps:
        changed = dict(_TI2V)
    elif pipeline.config.boundary_ratio is not None:
        changed = dict(_TWO_EXPERTS, guidance_scale=3.5 if isinstance(pipeline, _IMAGE) else 4.0)
    if not (pipeline.config.expand_timesteps or isinstance(pipeline, _IMAGE)):
        changed["overlap_frames"] = _HELD_FRAMES
    return _WAN_2_1.model_copy(update=changed)


def _capabilities(text: Any, image: Any) -> tuple[Capability, ...]:
    able: tuple[Capability, ...] = ("text",) if text is not None else ()
    if image is not None:
        return (*able, "image", "continuation")
    return (*able, "continuation") if _has_flow(text.scheduler) else able


def _has_flow(scheduler: Any) -> bool:
    """Its sigmas are shares of noise, from 1 to 0."""
    by_name = "FlowMatch" in type(scheduler).__name__
    return by_name or bool(scheduler.config.get("use_flow_sigmas", False))


class WanSampler:
    """Makes the windows of one segment. See `windows.Sampler`."""

    def __init__(
        self, text: Any, image: Any, max_tokens: int | None, request: SegmentRequest
    ) -> None:
        self._text, self._image = text, image
        self._max_tokens = max_tokens
        self._request = request

    @torch.no_grad()
    def sample(self, window: Window, on_step: Callable[[int], None]) -> Iterator[Part]:
        """Denoise, then decode part by part."""
        # On the CPU, so that the noise is the same on every device.
        generator = torch.Generator("cpu").manual_seed(window.noise_seed)
        if not len(window.known):
            latents = self._denoise(self._text, window, generator, **reporting(on_step))
        elif self._image is not None:
            how = {"image": Image.fromarray(window.known[-1].cpu().numpy()), **reporting(on_step)}
            latents = self._denoise(self._image, window, generator, **how)
        else:
            latents = self._go_on(window, generator, on_step)
        vae = (self._text or self._image).vae
        for frames in decoded(vae, denormalised(vae, latents)):
            yield Part(to_uint8(frames))

    def _denoise(
        self, pipeline: Any, window: Window, generator: torch.Generator, **how: Any
    ) -> torch.Tensor:
        """Normalised latents, float32 (1, C, f, h, w)."""
        request = self._request
        latents: torch.Tensor = pipeline(
            **self._prompt,
            width=request.width,
            height=request.height,
            num_frames=window.frames,
            num_inference_steps=request.num_inference_steps,
            guidance_scale=request.guidance_scale,
            generator=generator,
            output_type="latent",
            return_dict=False,
            **how,
        )[0]
        return latents

    def _go_on(
        self, window: Window, generator: torch.Generator, on_step: Callable[[int], None]
    ) -> torch.Tensor:
        """The latents of the known frames are put back after every step, at the noise that is left
        then."""
        pipeline = self._text
        clean = encoded(pipeline.vae, to_rgb(window.known).transpose(0, 1)[None] * 2 - 1)
        held = clean.shape[2]
        frames = (window.frames - 1) // pipeline.vae_scale_factor_temporal + 1
        shape = (*clean.shape[:2], frames, *clean.shape[3:])
        noise = randn_tensor(shape, generator, clean.device, torch.float32)

        def after_step(pipeline: Any, index: int, _t: Any, tensors: dict[str, Any]) -> Any:
            finish(pipeline)
            on_step(index + 1)
            left = float(pipeline.scheduler.sigmas[index + 1])
            beginning = left * noise[:, :, :held] + (1 - left) * clean
            return {"latents": torch.cat([beginning, tensors["latents"][:, :, held:]], dim=2)}

        return self._denoise(
            pipeline,
            window,
            generator,
            latents=noise,
            callback_on_step_end=after_step,
            callback_on_step_end_tensor_inputs=["latents"],
        )

    @cached_property
    def _prompt(self) -> dict[str, torch.Tensor | None]:
        """The encoded prompts, made once for all windows."""
        request = self._request
        embeds, negative_embeds = (self._text or self._image).encode_prompt(
            prompt=request.prompt,
            negative_prompt=request.negative_prompt,
            do_classifier_free_guidance=request.guidance_scale > 1.0,
            max_sequence_length=self._max_tokens,
        )
        return {"prompt_embeds": embeds, "negative_prompt_embeds": negative_embeds}
