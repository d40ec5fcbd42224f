"""Makes clips with stock diffusers, as the product's engine does: the seam of the evaluation."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import LTXConditionPipeline
from diffusers.pipelines.ltx.pipeline_ltx_condition import LTXVideoCondition
from PIL import Image

from tools.tiny_model.export import Defaults
from tools.tiny_model.recognise import Frames
from tools.tiny_model.schedule import shifted_sigmas


@dataclass(frozen=True)
class Request:
    """One chunk of video: its prompt and seed, and the frames so far (None for an opening)."""

    prompt: str
    seed: int
    previous: Frames | None = None


Generate = Callable[[Request], Frames]
"""Returns the new frames only: a whole chunk for an opening, else what follows the overlap."""


def load(folder: Path) -> LTXConditionPipeline:
    """The pipeline in single precision."""
    pipeline = LTXConditionPipeline.from_pretrained(folder, torch_dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def overlap_condition(previous: Frames, overlap: int) -> LTXVideoCondition:
    """The last frames as a clean video condition."""
    images = [Image.fromarray(frame) for frame in previous[-overlap:]]
    return LTXVideoCondition(video=images, frame_index=0, strength=1.0)


def diffusers_generate(pipeline: LTXConditionPipeline, defaults: Defaults) -> Generate:
    """A generator that calls the pipeline as `matinee.json` says."""
    sigmas = shifted_sigmas(defaults.num_inference_steps, defaults.timestep_shift)

    def generate(request: Request) -> Frames:
        conditions, known = None, 0
        if request.previous is not None:
            conditions = [overlap_condition(request.previous, defaults.overlap_frames)]
            known = defaults.overlap_frames
        output = pipeline(
            prompt=request.prompt,
            conditions=conditions,
            width=defaults.width,
            height=defaults.height,
            num_frames=defaults.chunk_frames,
            frame_rate=defaults.fps,
            timesteps=[1000 * sigma for sigma in sigmas],
            guidance_scale=defaults.guidance_scale,
            image_cond_noise_scale=0.0,
            max_sequence_length=defaults.max_sequence_length,
            generator=torch.Generator().manual_seed(request.seed),
            output_type="np",
        ).frames[0]
        return np.asarray((output[known:] * 255).round(), dtype=np.uint8)

    return generate
