"""An untrained LTX-2, made in a moment. It draws and sounds noise."""

from __future__ import annotations

from typing import Any

import diffusers
import torch
from diffusers.pipelines.ltx2 import LTX2TextConnectors
from diffusers.pipelines.ltx2.vocoder import LTX2Vocoder
from transformers import Gemma3TextConfig, Gemma3TextModel

from tests.system.engine.untrained import small_tokenizer

untyped: Any = diffusers  # only half of its functions are annotated
connectors_of: Any = LTX2TextConnectors
vocoder_of: Any = LTX2Vocoder

SETTINGS = {
    "width": 32,
    "height": 32,
    "num_frames": 9,
    "fps": 24,
    "num_inference_steps": 2,
    "guidance_scale": 1.0,
    "max_sequence_length": 16,
    "chunk_frames": 9,
    "overlap_frames": 5,
}
RATE = 16_000


def untrained_ltx2() -> Any:
    """The same random weights every time. Factors: 8 in space, 2 in time."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    tokenizer = small_tokenizer()
    text = Gemma3TextConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=8,
    )
    return untyped.LTX2ConditionPipeline(
        scheduler=untyped.FlowMatchEulerDiscreteScheduler(),
        vae=_vae().eval(),
        audio_vae=_audio_vae().eval(),
        text_encoder=Gemma3TextModel(text).eval(),
        tokenizer=tokenizer,
        connectors=_connectors().eval(),
        transformer=_transformer().eval(),
        vocoder=vocoder_of(
            in_channels=16,
            hidden_channels=8,
            out_channels=2,
            upsample_kernel_sizes=[32, 20],
            upsample_factors=[16, 10],
            resnet_kernel_sizes=[3],
            resnet_dilations=[[1, 3, 5]],
            output_sampling_rate=RATE,
        ).eval(),
    )


def _vae() -> Any:
    return untyped.AutoencoderKLLTX2Video(
        latent_channels=4,
        block_out_channels=(8,),
        decoder_block_out_channels=(8,),
        layers_per_block=(1,),
        decoder_layers_per_block=(1, 1),
        spatio_temporal_scaling=(True,),
        decoder_spatio_temporal_scaling=(True,),
        decoder_inject_noise=(False, False),
        downsample_type=("spatiotemporal",),
        upsample_residual=(False,),
        upsample_factor=(1,),
        patch_size=4,
        decoder_causal=False,
    )


def _audio_vae() -> Any:
    return untyped.AutoencoderKLLTX2Audio(
        base_channels=4,
        ch_mult=(1, 1, 1),
        num_res_blocks=1,
        resolution=32,
        latent_channels=2,
        mel_bins=8,
    )


def _connectors() -> Any:
    return connectors_of(
        caption_channels=16,
        text_proj_in_factor=2,
        video_connector_num_attention_heads=2,
        video_connector_attention_head_dim=8,
        video_connector_num_layers=1,
        video_connector_num_learnable_registers=None,
        audio_connector_num_attention_heads=2,
        audio_connector_attention_head_dim=8,
        audio_connector_num_layers=1,
        audio_connector_num_learnable_registers=None,
        connector_rope_base_seq_len=32,
        rope_double_precision=False,
        rope_type="split",
    )


def _transformer() -> Any:
    return untyped.LTX2VideoTransformer3DModel(
        in_channels=4,
        out_channels=4,
        num_attention_heads=2,
        attention_head_dim=8,
        cross_attention_dim=16,
        audio_in_channels=4,
        audio_out_channels=4,
        audio_num_attention_heads=2,
        audio_attention_head_dim=4,
        audio_cross_attention_dim=8,
        num_layers=1,
        caption_channels=16,
        rope_double_precision=False,
        rope_type="split",
    )
