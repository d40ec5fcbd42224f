"""LTX-Video over diffusers' `LTXConditionPipeline`: text, first image or clip in, frames out.

One class does all three, because known frames are clean tokens among noisy ones. We call the
pipeline for latents and decode them here, so that a cancel never waits for the VAE. The answer is
bit for bit that of the pipeline's own decode.
"""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Callable
from functools import cached_property, partial
from typing import Any

import torch
from diffusers.pipelines.ltx import pipeline_ltx_condition

from matinee.engine.library_logs import drop_messages, without_progress_bars
from matinee.engine.windows import WindowRun
from matinee.errors import InvalidRequest, ModelUnavailable
from matinee.generation import (
    GenerationDefaults,
    ModelInfo,
    SegmentRequest,
    State,
    check_request,
    with_defaults,
)
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
    try:
        with without_progress_bars():
            pipeline = _diffusers.LTXConditionPipeline.from_pretrained(
                folder.path, dtype=dtype, use_safetensors=True, local_files_only=True
            ).to(device)
    except (OSError, ValueError, TypeError, KeyError, RuntimeError) as error:
        raise ModelUnavailable(
            f"{folder.path} cannot be loaded as an LTX model; "
            f"check that its files belong together ({_first_line(error)})"
        ) from error
    pipeline.set_progress_bar_config(disable=True)
    return LtxFamily(pipeline, folder.settings, model_id)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def silence_known_warnings() -> None:
    """Of diffusers and transformers, about nothing that anybody could mend."""
    # They quote what viewers ask for, which belongs in no log; the rest of a prompt that is longer
    # than the model reads is left out, as everywhere with these models.
    drop_messages(_diffusers.__name__, "The following part of your input was truncated")
    drop_messages("transformers.tokenization_utils_base", "Token indices sequence length is longer")
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

    def __init__(self, pipeline: Any, settings: ModelSettings, model_id: str) -> None:
        given = settings.model_dump(exclude_none=True)
        self._pipeline = pipeline
        self._settings = _LTX_SETTINGS.model_copy(update=given)
        self.info = _model_info(pipeline, self._settings, model_id)
        _check_info(self.info)
        parts = pipeline.components.values()
        self.modules = [part for part in parts if isinstance(part, torch.nn.Module)]

    def begin(self, request: SegmentRequest, state: State | None) -> WindowRun:
        return WindowRun(self.info, self._sampler(request), request, state)

    def _sampler(self, request: SegmentRequest) -> LtxSampler:
        """A pipeline around the shared modules, with a scheduler of its own."""
        parts = dict(self._pipeline.components)
        parts["scheduler"] = copy.deepcopy(parts["scheduler"])
        pipeline = _diffusers.LTXConditionPipeline(**parts)
        pipeline.set_progress_bar_config(disable=True)
        return LtxSampler(pipeline, self._settings, request)


def _model_info(pipeline: Any, settings: ModelSettings, model_id: str) -> ModelInfo:
    values = settings.model_dump(exclude_none=True)
    names = {field.name for field in dataclasses.fields(GenerationDefaults)} & values.keys()
    defaults = GenerationDefaults(**{name: values[name] for name in names})
    vae_factor = pipeline.vae_spatial_compression_ratio * pipeline.transformer_spatial_patch_size
    return ModelInfo(
        model_id=model_id,
        family=LTX.name,
        state_kind=LTX.state_kind,
        # The pipeline demands its factor whatever the VAE.
        spatial_factor=math.lcm(LTX.size_factor, vae_factor),
        temporal_factor=pipeline.vae_temporal_compression_ratio,
        chunk_frames=values["chunk_frames"],
        overlap_frames=values["overlap_frames"],
        defaults=defaults,
        components={name: type(part).__name__ for name, part in pipeline.components.items()},
    )


def _check_info(info: ModelInfo) -> None:
    """Refuse a `matinee.json` that asks for what this model cannot do."""
    for name in ("chunk_frames", "overlap_frames"):
        frames = getattr(info, name)
        if frames % info.temporal_factor != 1 or frames > info.chunk_frames:
            raise ModelUnavailable(
                f"matinee.json: {name} must be {info.temporal_factor} x k + 1 "
                f"and at most chunk_frames, got {frames}"
            )
    try:
        check_request(info, with_defaults(info.defaults, prompt="", seed=0))
    except InvalidRequest as error:
        raise ModelUnavailable(f"matinee.json: {error}") from error


class LtxSampler:
    """Makes the windows of one segment. See `windows.Sampler`."""

    def __init__(self, pipeline: Any, settings: ModelSettings, request: SegmentRequest) -> None:
        self._pipeline = pipeline
        self._settings = settings
        self._request = request

    @torch.no_grad()
    def sample(
        self, window: int, known: torch.Tensor, noise_seed: int, on_step: Callable[[int], None]
    ) -> torch.Tensor:
        """Denoise, then decode."""
        # On the CPU, so that the noise is the same on every device.
        generator = torch.Generator("cpu").manual_seed(noise_seed)
        latents = self._denoise(window, known, generator, on_step)
        return to_uint8(self._decode(latents, generator))

    def _denoise(
        self,
        window: int,
        known: torch.Tensor,
        generator: torch.Generator,
        on_step: Callable[[int], None],
    ) -> torch.Tensor:
        """Normalised latents, float32 (1, C, f, h, w)."""
        request = self._request
        latents: torch.Tensor = self._pipeline(
            **self._prompt,
            conditions=_conditions(known),
            width=request.width,
            height=request.height,
            num_frames=window,
            frame_rate=request.fps,
            num_inference_steps=request.num_inference_steps,
            timesteps=self._timesteps(),
            guidance_scale=request.guidance_scale,
            image_cond_noise_scale=0.0,  # noise on known frames would show as a seam
            generator=generator,
            output_type="latent",
            return_dict=False,
            callback_on_step_end=partial(_after_step, on_step),
            callback_on_step_end_tensor_inputs=[],
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

    def _decode(self, latents: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
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


def _after_step(
    on_step: Callable[[int], None], pipeline: Any, index: int, _t: Any, _tensors: Any
) -> dict[str, Any]:
    """What diffusers calls; the tensors are left as they are."""
    if pipeline.device.type == "cuda":
        torch.cuda.synchronize(pipeline.device)  # else we count queued steps
    on_step(index + 1)
    return {}


def _conditions(known: torch.Tensor) -> list[Any] | None:
    if not len(known):
        return None
    video = known.permute(0, 3, 1, 2).float() / 255
    return [_diffusers.LTXVideoCondition(video=video, frame_index=0, strength=1.0)]


def to_uint8(video: torch.Tensor) -> torch.Tensor:
    """(1, 3, F, H, W) about -1..1 -> uint8 (F, H, W, 3), rounded as diffusers' PIL output is."""
    unit = (video[0] * 0.5).add_(0.5).clamp_(0, 1)
    # Planes stay planes in memory: colour conversion wants them so.
    return unit.float().mul_(255).round_().to(torch.uint8).permute(1, 2, 3, 0)
