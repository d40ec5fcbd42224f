"""LTX-2 over diffusers' `LTX2ConditionPipeline`: text, image or clip in; frames and sound out.

The pictures go on as those of LTX-Video do: known frames are clean tokens among noisy ones. The
pipeline has no such place for sound. So the end of the spectrogram is kept in the state, encoded
again, and put back after every denoising step at the noise that is left then: the sound of a window
begins as the one before ended. A spectrogram's step is 10 ms and no frame ends just there, so each
window's sound begins up to half a step beside its pictures; that shift is kept too, so that it
never adds up.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from diffusers.pipelines.ltx2 import pipeline_ltx2_condition

from matinee.engine.pipelines import (
    load_pipeline,
    model_info,
    modules_of,
    reporting,
    settings_over,
    to_uint8,
    with_own_state,
)
from matinee.engine.prompts import characters_read
from matinee.engine.windows import Part, Window, WindowRun
from matinee.generation import AudioFormat, Samples, SegmentRequest, State
from matinee.state.last_frames import SoundTail
from matinee.weights.model_folder import ModelFolder, ModelSettings
from matinee_api.families import LTX2

_diffusers: Any = pipeline_ltx2_condition  # only half of its functions are annotated
_LTX2_SETTINGS = ModelSettings(
    family=LTX2.name,
    width=768,
    height=512,
    num_frames=121,
    fps=24,
    num_inference_steps=30,
    guidance_scale=3.0,
    max_sequence_length=1024,
    chunk_frames=121,
    overlap_frames=9,
)
"""The defaults of the pipeline."""
_UNGUIDED = {
    **dict.fromkeys(("stg_scale", "audio_stg_scale"), 0.0),
    **dict.fromkeys(("modality_scale", "audio_modality_scale", "audio_guidance_scale"), 1.0),
    **dict.fromkeys(("guidance_rescale", "audio_guidance_rescale"), 0.0),
}
"""Of distilled models: a `guidance_scale` of 1 switches off all kinds of guidance."""


def load(
    folder: ModelFolder, model_id: str, device: torch.device, dtype: torch.dtype
) -> Ltx2Family:
    """Load the components of any LTX-2 pipeline into the condition pipeline."""
    condition = _diffusers.LTX2ConditionPipeline
    pipeline = load_pipeline(condition, folder.path, device, dtype, "an LTX-2 model")
    return Ltx2Family(pipeline, folder.settings, model_id)


class Ltx2Family:
    """A loaded LTX-2 model. Its modules are shared by all runs and keep no state."""

    def __init__(self, pipeline: Any, given: ModelSettings, model_id: str) -> None:
        self._pipeline = pipeline
        self._settings = settings_over(_LTX2_SETTINGS, given)
        factor = pipeline.vae_spatial_compression_ratio * pipeline.transformer_spatial_patch_size
        vocoder = pipeline.vocoder.config
        self.info = model_info(
            pipeline,
            LTX2,
            self._settings,
            model_id,
            spatial_factor=math.lcm(LTX2.size_factor, factor),
            temporal_factor=pipeline.vae_temporal_compression_ratio,
            audio=AudioFormat(vocoder.output_sampling_rate, vocoder.out_channels),
        )
        self.modules = modules_of(pipeline)

    def characters_read(self, prompt: str) -> int:
        most = self._settings.max_sequence_length or 0
        return characters_read(self._pipeline.tokenizer, prompt, most)

    def begin(self, request: SegmentRequest, state: State | None) -> WindowRun:
        sampler = Ltx2Sampler(with_own_state(self._pipeline), self._settings, request)
        return WindowRun(self.info, sampler, request, state)


@dataclass(frozen=True, slots=True)
class Clock:
    """Frames, steps of the spectrogram and samples of one window. Seconds count from its first
    frame."""

    fps: int
    steps_per_s: float
    rate: int

    @classmethod
    def of(cls, pipeline: Any, fps: int) -> Clock:
        config = pipeline.audio_vae.config
        steps_per_s = config.sample_rate / config.mel_hop_length
        return cls(fps, steps_per_s, pipeline.vocoder.config.output_sampling_rate)

    def latents_for(self, frames: int, begins_s: float, factor: int) -> int:
        """So many that the sound lasts at least as long as the frames. The first latent stands for
        one step, each other for `factor`."""
        steps = math.ceil((frames / self.fps - begins_s) * self.steps_per_s)
        return math.ceil((steps - 1) / factor) + 1

    def tail(self, steps: int, begins_s: float, frames: int, overlap: int) -> tuple[int, int]:
        """How many steps of a window's last ones belong to its last `overlap` frames, and how many
        microseconds after the frames they end."""
        shift_s = begins_s + steps / self.steps_per_s - frames / self.fps
        wanted = math.ceil((overlap / self.fps + shift_s) * self.steps_per_s) + 1
        return min(steps, wanted), round(shift_s * 1e6)

    def place(self, tail: SoundTail, known: int) -> tuple[int, float]:
        """The first step of a tail that belongs to the known frames, and the second at which it
        begins, as near to 0 as can be."""
        ends_s = known / self.fps + tail.shift_us / 1e6
        steps = tail.mel.shape[1]
        first = min(max(0, round(steps - ends_s * self.steps_per_s)), steps - 1)
        return first, ends_s - (steps - first) / self.steps_per_s


class Ltx2Sampler:
    """Makes the windows of one segment. See `windows.Sampler`."""

    def __init__(self, pipeline: Any, settings: ModelSettings, request: SegmentRequest) -> None:
        self._pipeline = pipeline
        self._audio_scheduler = pipeline.audio_scheduler or pipeline.scheduler
        self._settings = settings
        self._request = request
        self._clock = Clock.of(pipeline, request.fps)

    @torch.no_grad()
    def sample(self, window: Window, on_step: Callable[[int], None]) -> Iterator[Part]:
        """Denoise, then decode."""
        held, begins_s = self._held(window)
        latents, audio_latents = self._denoise(window, held, begins_s, on_step)
        pipeline = self._pipeline
        mel = pipeline.audio_vae.decode(
            audio_latents.to(pipeline.audio_vae.dtype), return_dict=False
        )[0]
        yield Part(
            to_uint8(self._decode(latents)),
            self._audio(mel, window.hidden, begins_s),
            self._tail(mel, window.frames, begins_s),
        )

    def _held(self, window: Window) -> tuple[torch.Tensor | None, float]:
        """The beginning of the sound, normalised latents (1, n, C) or None, and when it begins."""
        tail = window.sound
        if tail is None or not window.hidden:
            return None, 0.0
        vae, factor = self._pipeline.audio_vae, self._pipeline.audio_vae_temporal_compression_ratio
        first, begins_s = self._clock.place(tail, len(window.known))
        steps = (tail.mel.shape[1] - first - 1) // factor * factor + 1
        mel = torch.from_numpy(tail.mel[None, :, first : first + steps].copy())
        latents = vae.encode(mel.to(vae.device, vae.dtype)).latent_dist.mode().float()
        packed = latents.transpose(1, 2).flatten(2)  # (1, C, n, bins) -> (1, n, C * bins)
        return (packed - vae.latents_mean) / vae.latents_std, begins_s

    def _denoise(
        self,
        window: Window,
        held: torch.Tensor | None,
        begins_s: float,
        on_step: Callable[[int], None],
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Latents as the two VAEs take them: (1, C, f, h, w) and (1, C, n, bins)."""
        pipeline, request = self._pipeline, self._request
        pipeline.audio_scheduler = _holding(self._audio_scheduler, held)
        latents, audio_latents = pipeline(
            **self._prompt,
            conditions=_conditions(window.known),
            width=request.width,
            height=request.height,
            num_frames=window.frames,
            frame_rate=float(request.fps),
            num_inference_steps=request.num_inference_steps,
            guidance_scale=request.guidance_scale,
            audio_latents=self._empty(window, begins_s),
            # On the CPU, so that the noise is the same on every device.
            generator=torch.Generator("cpu").manual_seed(window.noise_seed),
            output_type="latent",
            return_dict=False,
            **(_UNGUIDED if request.guidance_scale <= 1.0 else {}),
            **reporting(on_step),
        )
        return latents, audio_latents

    def _empty(self, window: Window, begins_s: float) -> torch.Tensor:
        """The pipeline's sound ends some 30 ms before its pictures, so we say how long it is; it
        makes noise of it."""
        pipeline = self._pipeline
        factor = pipeline.audio_vae_temporal_compression_ratio
        count = self._clock.latents_for(window.frames, begins_s, factor)
        bins = pipeline.audio_mel_bins // pipeline.audio_vae_mel_compression_ratio
        return torch.zeros(1, pipeline.audio_latent_channels, count, bins, device=pipeline.device)

    @cached_property
    def _prompt(self) -> dict[str, torch.Tensor | None]:
        """The encoded prompts, made once for all windows."""
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

    def _decode(self, latents: torch.Tensor) -> torch.Tensor:
        """About -1..1, (1, 3, F, H, W)."""
        vae = self._pipeline.vae
        latents = latents.to(vae.dtype)
        # The pipeline's default decode timestep; 0 mixes no noise in.
        timestep = latents.new_zeros(1) if vae.config.timestep_conditioning else None
        frames: torch.Tensor = vae.decode(latents, timestep, return_dict=False)[0]
        return frames

    def _audio(self, mel: torch.Tensor, hidden: int, begins_s: float) -> Samples:
        """From the first frame on that is shown."""
        wave = self._pipeline.vocoder(mel)[0].float().clamp(-1, 1)
        first = max(0, round((hidden / self._request.fps - begins_s) * self._clock.rate))
        samples: Samples = wave[:, first:].T.contiguous().cpu().numpy()
        return samples

    def _tail(self, mel: torch.Tensor, frames: int, begins_s: float) -> SoundTail:
        """As long as the frames that the next window takes over."""
        overlap = self._settings.overlap_frames or 0
        kept, shift_us = self._clock.tail(mel.shape[2], begins_s, frames, overlap)
        return SoundTail(mel[0, :, -kept:].float().contiguous().cpu().numpy(), shift_us)


def _holding(scheduler: Any, held: torch.Tensor | None) -> Any:
    """A copy whose samples begin with the held latents, at the noise that is left."""
    own = copy.deepcopy(scheduler)
    if held is None:
        return own
    step, count = own.step, held.shape[1]
    noise: torch.Tensor | None = None

    def holding_step(velocity: Any, time: Any, sample: torch.Tensor, **options: Any) -> Any:
        nonlocal noise
        noise = sample[:, :count].clone() if noise is None else noise
        after = step(velocity, time, sample, **options)[0]
        left = own.sigmas[own.step_index].to(after.device)
        beginning = left * noise + (1 - left) * held
        return (torch.cat([beginning, after[:, count:]], dim=1),)

    own.step = holding_step
    return own


def _conditions(known: torch.Tensor) -> list[Any] | None:
    if not len(known):
        return None
    frames = known.cpu().numpy()
    return [_diffusers.LTX2VideoCondition(frames=frames, index=0, strength=1.0, crf=0)]
