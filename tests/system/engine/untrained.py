"""An untrained model of the tiny model's shape, made in a moment. It draws noise."""

from __future__ import annotations

import json
import string
from pathlib import Path
from typing import Any

import diffusers
import torch
from transformers import T5Config, T5EncoderModel, T5Tokenizer

untyped: Any = diffusers  # only half of its functions are annotated

SETTINGS = {
    "family": "ltx",
    "width": 64,
    "height": 64,
    "num_frames": 17,
    "fps": 8,
    "num_inference_steps": 2,
    "guidance_scale": 3.0,
    "timestep_shift": 3.0,
    "max_sequence_length": 16,
    "chunk_frames": 17,
    "overlap_frames": 9,
}


def untrained_vae(timestep_conditioning: bool = False) -> Any:
    """8x in space, 4x in time."""
    return untyped.AutoencoderKLLTXVideo(
        latent_channels=8,
        block_out_channels=(8, 16, 16),
        down_block_types=("LTXVideo095DownBlock3D",) * 2,
        downsample_type=("spatiotemporal",) * 2,
        spatio_temporal_scaling=(True, True),
        layers_per_block=(1, 1, 1),
        decoder_block_out_channels=(8, 8),
        decoder_layers_per_block=(1, 1, 1),
        decoder_spatio_temporal_scaling=(True, True),
        decoder_inject_noise=(False, False, False),
        upsample_residual=(True, True),
        upsample_factor=(1, 1),
        patch_size=2,
        decoder_causal=True,
        timestep_conditioning=timestep_conditioning,
    )


def untrained_pipeline(timestep_conditioning: bool = False) -> Any:
    """The same random weights every time."""
    torch.manual_seed(0)
    tokenizer = small_tokenizer()
    text = T5Config(
        vocab_size=len(tokenizer), d_model=16, d_kv=8, d_ff=32, num_layers=1, num_heads=2
    )
    text_encoder: Any = T5EncoderModel(text)
    transformer = untyped.LTXVideoTransformer3DModel(
        in_channels=8,
        out_channels=8,
        num_attention_heads=2,
        attention_head_dim=16,
        cross_attention_dim=32,
        num_layers=2,
        caption_channels=16,
    )
    return untyped.LTXConditionPipeline(
        scheduler=untyped.FlowMatchEulerDiscreteScheduler(),
        vae=untrained_vae(timestep_conditioning).eval(),
        text_encoder=text_encoder.eval(),
        tokenizer=tokenizer,
        transformer=transformer.eval(),
    )


def small_tokenizer() -> Any:
    """Of single letters."""
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", -100.0)]
    pieces += [(character, -8.0) for character in "▁" + string.ascii_lowercase]
    return T5Tokenizer(vocab=pieces, extra_ids=0, model_max_length=16)


def save(pipeline: Any, folder: Path, settings: dict[str, Any] = SETTINGS) -> Path:
    pipeline.save_pretrained(folder)
    (folder / "matinee.json").write_text(json.dumps(settings))
    return folder
