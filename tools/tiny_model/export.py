"""Writes the trained parts as a Diffusers folder in half precision, with its defaults."""

import json
from pathlib import Path

import torch
from diffusers import (
    AutoencoderKLLTXVideo,
    FlowMatchEulerDiscreteScheduler,
    LTXConditionPipeline,
    LTXVideoTransformer3DModel,
)
from transformers import T5EncoderModel, T5Tokenizer

from matinee.weights.model_folder import ModelSettings
from matinee_api.families import LTX
from tools.tiny_model.scenes import FRAMES, PREFIX_FRAMES, SIZE
from tools.tiny_model.text_encoder import MAX_TOKENS

DEFAULTS_FILE = "matinee.json"
SETTINGS = ModelSettings(
    family=LTX.name,
    width=SIZE,
    height=SIZE,
    num_frames=FRAMES,
    fps=8,
    num_inference_steps=8,
    guidance_scale=3.0,
    timestep_shift=3.0,
    max_sequence_length=MAX_TOKENS,
    chunk_frames=FRAMES,
    overlap_frames=PREFIX_FRAMES,
)
"""How the model wants to be called; the engine reads this from `matinee.json`."""


def export(
    folder: Path,
    vae: AutoencoderKLLTXVideo,
    transformer: LTXVideoTransformer3DModel,
    text_encoder: T5EncoderModel,
    tokenizer: T5Tokenizer,
) -> None:
    """Write the pipeline folder; the parts given are converted to half precision in place."""
    pipeline = LTXConditionPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(),
        vae=vae,
        text_encoder=text_encoder,
        tokenizer=tokenizer,
        transformer=transformer,
    )
    pipeline.to(torch.float16).save_pretrained(folder)
    forget_origins(folder)
    (folder / DEFAULTS_FILE).write_text(
        SETTINGS.model_dump_json(indent=2, exclude_none=True) + "\n"
    )


def forget_origins(folder: Path) -> None:
    """Remove the paths that parts were loaded from."""
    for file in folder.glob("*/config.json"):
        config = json.loads(file.read_text())
        config.pop("_name_or_path", None)
        file.write_text(json.dumps(config, indent=2) + "\n")
