"""LTX-Video over diffusers' `LTXConditionPipeline`: text, first image or clip in, frames out.

One class does all three, because known frames are clean tokens among noisy ones. We call the
pipeline for latents and decode them here, so that a cancel never waits for the VAE. The answer is
bit for bit that of the pipeline's own decode.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

import torch
from diffusers.pipelines.ltx import pipeline_ltx_condition

from matinee.engine.library_logs import drop_messages
from matinee.engine.pipelines import (
    load_pipeline,
    model_info,
    modules_of,
    reporting,
    settings_over,
    silence,
    to_rgb,
    to_uint8,
    with_own_state,
)
from matinee.engine.prompts import characters_read
from matinee.engine.windows import Part, Window, WindowRun
from matinee.generation import SegmentRequest, State
from matinee.weights.model_folder import ModelFolder, ModelSettings
from matinee_api.families import LTX

_diffusers: Any = pipeline_ltx_condition  # only half of its functions are annotated
_LTX_SETTINGS = ModelSettings(
    family=LTX.name,
    width=704,
    height=480,
    num_frames=121,
    fps=24,
    num_inference_steps=40,
    guidance_scale=3.0,
    max_sequence_length=256,
    chunk_frames=121,
    overlap_frames=9,
)
"""What Lightricks' own models are run with."""
_TRAIN_TIMESTEPS = 1000


def load(folder: ModelFolder, model_id: str, device: torch.device, dtype: torch.dtype) -> LtxFamily:
    """Load the components of any LTX pipeline into the condition pipeline."""
    silence_known_warnings()
    condition = _diffusers.LTXConditionPipeline
    pipeline = load_pipeline(condition, folder.path, device, dtype, "an LTX model")
    return LtxFamily(pipeline, folder.settings, model_id)


def silence_known_warnings() -> None:
    """Of diffusers and transformers, about nothing that anybody could mend."""
    silence(_diffusers.LTXConditionPipeline)
    # Harmless: `shifted_timesteps` and the sigmas derived from them agree at scheduler shift 1.
    drop_messages(
        "diffusers.schedulers.scheduling_flow_match_euler_discrete",
        "`timesteps` were passed without `sigmas`",
    )


def shifted_timesteps(steps: int, shift: float) -> list[float]:
    """Noise levels s linear from 1 to 1/steps, bent by shift*s / (1 + (shift-1)*s), times 1000."""
    linear = (1 - step / steps for step in range(steps))
    return [_TRAIN_TIMESTEPS * shift * s / (1 + (shift - 1) * s) for s in linear]


class LtxFamily:
    """A loaded LTX model. Its modules are shared by all runs and keep no state."""

    def __init__(self, pipeline: Any, given: ModelSettings, model_id: str) -> None:
        self._pipeline = pipeline
        self._settings = settings_over(_LTX_SETTINGS, given)
        factor = pipeline.vae_spatial_compression_ratio * pipeline.transformer_spatial_patch_size
        self.info = model_info(
            pipeline,
            LTX,
            self._settings,
            model_id,
            # The pipeline demands its factor whatever the VAE.
            spatial_factor=math.lcm(LTX.size_factor, factor),
            temporal_factor=pipeline.vae_temporal_compression_ratio,
        )
        self.modules = modules_of(pipeline)

    def characters_read(self, prompt: str) -> int:
        most = self._settings.max_sequence_length or 0
        return characters_read(self._pipeline.tokenizer, prompt, most)

    def begin(self, request: SegmentRequest, state: State | None) -> WindowRun:
        return WindowRun(self.info, self._sampler(request), request, state)

    def _sampler(self, request: SegmentRequest) -> LtxSampler:
        return LtxSampler(with_own_state(self._pipeline), self._settings, request)


class LtxSampler:
    """Makes the windows of one segment. See `windows.Sampler`."""

    def __init__(self, pipeline: Any, settings: ModelSettings, request: SegmentRequest) -> None:
        self._pipeline = pipeline
        self._settings = settings
        self._request = request

    @torch.no_grad()
    def sample(self, window: Window, on_step: Callable[[int], None]) -> Iterator[Part]:
        """Denoise, then decode."""
        # On the CPU, so that the noise is the same on every device.
        generator = torch.Generator("cpu").manual_seed(window.noise_seed)
        latents = self._denoise(window, generator, on_step)
        yield Part(to_uint8(self._decode(latents)))

    def _denoise(
        self, window: Window, generator: torch.Generator, on_step: Callable[[int], None]
    ) -> torch.Tensor:
        """Normalised latents, float32 (1, C, f, h, w)."""
        request = self._request
        latents: torch.Tensor = self._pipeline(
            **self._prompt,
            conditions=_conditions(window.known),
            width=request.width,
            height=request.height,
            num_frames=window.frames,
            frame_rate=request.fps,
            num_inference_steps=request.num_inference_steps,
            timesteps=self._timesteps(),
            guidance_scale=request.guidance_scale,
            image_cond_noise_scale=0.0,  # noise on known frames would show as a seam
            generator=generator,
            output_type="latent",
            return_dict=False,
            **reporting(on_step),
        )[0]
        return latents

    @cached_property
    def _prompt(self) -> dict[str, torch.Tensor | None]:
        """The encoded prompts, made once for all chunks."""
        request = self._request
        embeds, mask, negative_embeds, negative_mask = self._pipeline.encode_prompt(
            prompt=request.prompt,
            negative_prompt=request.negative_prompt,
            do_classifier_free_guidance=request.guidance_scale > 1.0,
            max_sequence_length=self._settings.max_sequence_length,
        )
        return {
            "prompt_embeds": embeds,
            "prompt_attention_mask": mask,
            "negative_prompt_embeds": negative_embeds,
            "negative_prompt_attention_mask": negative_mask,
        }

    def _timesteps(self) -> list[float]:
        steps = self._request.num_inference_steps
        if self._settings.timestep_shift is not None:
            return shifted_timesteps(steps, self._settings.timestep_shift)
        # The pipeline's own levels, as a list because its tensor makes NumPy 2 warn.
        sigmas = _diffusers.linear_quadratic_schedule(steps)
        return [_TRAIN_TIMESTEPS * float(sigma) for sigma in sigmas]

    def _decode(self, latents: torch.Tensor) -> torch.Tensor:
        """As the end of `LTXConditionPipeline.__call__` does it; about -1..1, (1, 3, F, H, W)."""
        vae = self._pipeline.vae
        mean, std = (
            values.view(1, -1, 1, 1, 1).to(latents.device, latents.dtype)
            for values in (vae.latents_mean, vae.latents_std)
        )
        latents = latents * std / vae.config.scaling_factor + mean
        latents = latents.to(vae.dtype)
        # The pipeline's default decode timestep; 0 mixes no noise in.
        timestep = latents.new_zeros(1) if vae.config.timestep_conditioning else None
        frames: torch.Tensor = vae.decode(latents, timestep, return_dict=False)[0]
        return frames


def _conditions(known: torch.Tensor) -> list[Any] | None:
    if not len(known):
        return None
    video = to_rgb(known)
    return [_diffusers.LTXVideoCondition(video=video, frame_index=0, strength=1.0)]
