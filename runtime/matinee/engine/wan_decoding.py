"""Wan's VAE latent by latent: each picture leaves when it is decoded, not with the last one.

The decoder is causal and keeps features of what it has seen. diffusers holds them on the VAE itself
and drops them at the end of a call; here they belong to one clip, so that clips can take turns. The
frames are bit for bit those of `vae.decode`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl_wan import WanCausalConv3d, unpatchify


def decoded(vae: Any, latents: torch.Tensor) -> Iterator[torch.Tensor]:
    """Of latents as the VAE takes them, (1, C, f, h, w): the frames of each, -1..1, first (1, 3, 1,
    H, W) and then (1, 3, temporal_factor, H, W)."""
    if vae.use_tiling:  # tiles are blended over the whole clip
        yield vae.decode(latents, return_dict=False)[0]
        return
    features: list[Any] = [None] * _causal_layers(vae.decoder)
    latents = vae.post_quant_conv(latents)
    for index in range(latents.shape[2]):
        frames = vae.decoder(
            latents[:, :, index : index + 1],
            feat_cache=features,
            feat_idx=[0],
            first_chunk=index == 0,
        )
        if vae.config.patch_size is not None:
            frames = unpatchify(frames, patch_size=vae.config.patch_size)
        yield torch.clamp(frames, min=-1.0, max=1.0)


def _causal_layers(decoder: torch.nn.Module) -> int:
    return sum(isinstance(layer, WanCausalConv3d) for layer in decoder.modules())


def encoded(vae: Any, video: torch.Tensor) -> torch.Tensor:
    """(1, 3, F, H, W), -1..1, as normalised latents: float32 (1, C, f, h, w)."""
    latents = vae.encode(video.to(vae.device, vae.dtype)).latent_dist.mode().float()
    mean, scale = _statistics(vae, latents)
    normalised: torch.Tensor = (latents - mean) * scale
    return normalised


def denormalised(vae: Any, latents: torch.Tensor) -> torch.Tensor:
    """As the end of `WanPipeline.__call__` does it."""
    latents = latents.to(vae.device, vae.dtype)
    mean, scale = _statistics(vae, latents)
    return latents / scale + mean


def _statistics(vae: Any, like: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The mean of each channel, and 1 over its standard deviation."""

    def channels(values: torch.Tensor) -> torch.Tensor:
        return values.view(1, -1, 1, 1, 1).to(like.device, like.dtype)

    mean, std = torch.tensor(vae.config.latents_mean), torch.tensor(vae.config.latents_std)
    return channels(mean), 1.0 / channels(std)
