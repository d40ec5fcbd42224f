"""Writes the trained parts as a Diffusers folder in half precision, with its defaults."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from diffusers import (
    AutoencoderKLLTXVideo,
    FlowMatchEulerDiscreteScheduler,
    LTXConditionPipeline,
    LTXVideoTransformer3DModel,
)
from transformers import T5EncoderModel, T5Tokenizer

from tools.tiny_model.scenes import FRAMES, PREFIX_FRAMES, SIZE
from tools.tiny_model.text_encoder import MAX_TOKENS

DEFAULTS_FILE = "matinee.json"


@dataclass(frozen=True)
class Defaults:
    """How the model wants to be called; the engine reads this from `matinee.json`."""

    family: str = "ltx"
    width: int = SIZE
    height: int = SIZE
    num_frames: int = FRAMES
    fps: int = 8
    num_inference_steps: int = 8
    guidance_scale: float = 3.0
    timestep_shift: float = 3.0
    max_sequence_length: int = MAX_TOKENS
    chunk_frames: int = FRAMES
    overlap_frames: int = PREFIX_FRAMES


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
    write_defaults(folder, Defaults())


def forget_origins(folder: Path) -> None:
    """Remove the paths that parts were loaded from."""
    for file in folder.glob("*/config.json"):
        config = json.loads(file.read_text())
        config.pop("_name_or_path", None)
        file.write_text(json.dumps(config, indent=2) + "\n")


def write_defaults(folder: Path, defaults: Defaults) -> None:
    """Write `matinee.json`."""
    (folder / DEFAULTS_FILE).write_text(json.dumps(asdict(defaults), indent=2) + "\n")
