"""Untrained Wan models, one of each kind, made in a moment. They draw noise."""

from __future__ import annotations

from typing import Any, Literal

import diffusers
import torch
from transformers import UMT5Config, UMT5EncoderModel

from matinee.weights.model_folder import ModelSettings
from tests.system.engine.untrained import small_tokenizer

untyped: Any = diffusers  # only half of its functions are annotated
Kind = Literal["t2v", "i2v", "ti2v"]

_SMALL = {"width": 32, "height": 32, "num_frames": 9, "chunk_frames": 9, "fps": 8}
_FEW = {"num_inference_steps": 2, "guidance_scale": 2.0, "max_sequence_length": 16}
SETTINGS = {
    "t2v": {**_SMALL, **_FEW, "overlap_frames": 5},
    "i2v": {**_SMALL, **_FEW, "guidance_scale": 1.0},
    "ti2v": {**_SMALL, **_FEW, "guidance_scale": 1.0},
}
LATENTS = 16


def settings(kind: Kind) -> ModelSettings:
    return ModelSettings.model_validate(SETTINGS[kind])


def untrained_wan(kind: Kind) -> Any:
    """As the class and with the flags of Wan's own: T2V 2.1, I2V 2.2 of two experts, TI2V 2.2."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    tokenizer = small_tokenizer()
    text = UMT5Config(
        vocab_size=len(tokenizer), d_model=16, d_kv=8, d_ff=32, num_layers=1, num_heads=2
    )
    parts = {
        "tokenizer": tokenizer,
        "text_encoder": UMT5EncoderModel(text).eval(),
        "vae": _vae(residual=kind == "ti2v"),
        "scheduler": untyped.UniPCMultistepScheduler(
            prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0
        ),
        "transformer": _transformer(2 * LATENTS + 4 if kind == "i2v" else LATENTS),
    }
    if kind == "t2v":
        return untyped.WanPipeline(**parts)
    if kind == "ti2v":
        return untyped.WanPipeline(**parts, expand_timesteps=True)
    second = _transformer(2 * LATENTS + 4)
    return untyped.WanImageToVideoPipeline(**parts, transformer_2=second, boundary_ratio=0.9)


def _transformer(channels: int) -> Any:
    return untyped.WanTransformer3DModel(
        num_attention_heads=2,
        attention_head_dim=12,
        in_channels=channels,
        out_channels=LATENTS,
        text_dim=16,
        freq_dim=16,
        ffn_dim=32,
        num_layers=1,
        rope_max_seq_len=32,
    ).eval()


def _vae(*, residual: bool) -> Any:
    """8x in space and 4x in time; 16x when it is a residual one, as that of Wan2.2-TI2V-5B."""
    patched = {"patch_size": 2, "in_channels": 12, "out_channels": 12, "scale_factor_spatial": 16}
    return untyped.AutoencoderKLWan(
        base_dim=3,
        z_dim=LATENTS,
        dim_mult=[1, 1, 1, 1],
        num_res_blocks=1,
        temperal_downsample=[False, True, True],
        is_residual=residual,
        **(patched if residual else {}),
    ).eval()
