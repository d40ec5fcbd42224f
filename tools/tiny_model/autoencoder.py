"""Stage 1: the video autoencoder (8x8x4 compression to 16 channels).

It sees the grammar's scenes and also random colours, so that adapters can teach new ones. The
loss weighs the object, which covers an eighth of the picture. The latent is the mean; noise of a
fixed share of its spread is added in training, so that the decoder bears an imperfect denoiser.
"""

import logging
import random
import time
from collections.abc import Callable
from pathlib import Path

import torch
from diffusers import AutoencoderKLLTXVideo
from torch import Tensor

from tools.tiny_model import scenes
from tools.tiny_model.schedule import Budget, learning_rate

log = logging.getLogger(__name__)

LATENT_CHANNELS = 16
BATCH = 8
PEAK_RATE = 2e-3
NOISE_SHARE = 0.08
OBJECT_WEIGHT = 4.0
SHORT_FRAMES = 9
SHORT_SHARE = 0.5  # of the time on short clips, which are cheaper
CONFIG = {
    "latent_channels": LATENT_CHANNELS,
    "block_out_channels": (24, 48, 64),
    "down_block_types": ("LTXVideo095DownBlock3D",) * 2,
    "downsample_type": ("spatiotemporal",) * 2,
    "spatio_temporal_scaling": (True, True),
    "layers_per_block": (1, 1, 1),
    "decoder_block_out_channels": (32, 64),
    "decoder_layers_per_block": (1, 1, 1),
    "decoder_spatio_temporal_scaling": (True, True),
    "decoder_inject_noise": (False, False, False),
    "upsample_residual": (True, True),
    "upsample_factor": (1, 1),
    "patch_size": 2,
    "decoder_causal": True,
}


def build() -> AutoencoderKLLTXVideo:
    """An untrained autoencoder."""
    return AutoencoderKLLTXVideo(**CONFIG)


def random_colour(rng: random.Random) -> Tensor:
    """Half of the time a palette colour, else any."""
    if rng.random() < 0.5:
        return scenes.rgb(rng.choice(tuple(scenes.PALETTE)))
    return torch.tensor([rng.uniform(-1, 1) for _ in range(3)])


def random_clip(rng: random.Random) -> tuple[Tensor, Tensor]:
    """A clip (3, T, H, W) with any colours, sometimes a cross-fade, and its object mask."""
    scene = rng.choice(scenes.training_scenes())
    steps = scenes.velocity(scene).expand(scenes.FRAMES - 1, 2) * rng.choice((1, 1, 1, 0))
    masks = scenes.coverage(scene.shape, scenes.path(scenes.any_position(rng), steps))
    frames = scenes.paint(masks, random_colour(rng), random_colour(rng))
    if rng.random() < 0.3:
        other = scenes.paint(masks, random_colour(rng), random_colour(rng))
        begin = rng.randrange(1, scenes.FRAMES)
        mix = ((torch.arange(scenes.FRAMES) - begin + 1) / scenes.FADE_FRAMES).clamp(0, 1)
        frames = torch.lerp(frames, other, mix[None, :, None, None])
    return frames, masks[None]


def batch(rng: random.Random, frames: int) -> tuple[Tensor, Tensor]:
    """BATCH clips cut to `frames`, and the weight of each of their pixels."""
    clips, masks = zip(*(random_clip(rng) for _ in range(BATCH)), strict=True)
    weights = 1 + (OBJECT_WEIGHT - 1) * torch.stack(masks)
    return torch.stack(clips)[:, :, :frames], weights[:, :, :frames]


def encode(vae: AutoencoderKLLTXVideo, video: Tensor) -> Tensor:
    """The latent mean, not yet normalised."""
    moments = vae.encoder(video)
    return moments[:, :LATENT_CHANNELS]


def reconstruct(vae: AutoencoderKLLTXVideo, video: Tensor) -> Tensor:
    """Encode, disturb, decode."""
    latents = encode(vae, video)
    spread = latents.detach().float().std(dim=(0, 2, 3, 4), keepdim=True)
    return vae.decoder(latents + NOISE_SHARE * spread * torch.randn_like(latents))


def weighted_error(output: Tensor, video: Tensor, weights: Tensor) -> Tensor:
    """Mean of squared and a third of absolute error, objects counting more."""
    gap = output.float() - video
    return ((gap.square() + 0.3 * gap.abs()) * weights).mean()


def train(vae: AutoencoderKLLTXVideo, budget: Budget, save: Callable[[], None]) -> None:
    """Train until the budget is used up; `save` is called now and then."""
    rng = random.Random(0)
    optimizer = torch.optim.AdamW(vae.parameters(), lr=PEAK_RATE, betas=(0.9, 0.98))
    step_function = torch.compile(reconstruct, dynamic=False)
    while not budget.spent:
        share = budget.share
        learning_rate(optimizer, PEAK_RATE, share, budget.step)
        video, weights = batch(rng, SHORT_FRAMES if share < SHORT_SHARE else scenes.FRAMES)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            output = step_function(vae, video)
        loss = weighted_error(output, video, weights)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(vae.parameters(), 1.0)
        optimizer.step()
        if budget.tick():
            log.info("vae step %d share %.2f loss %.4f", budget.step, share, loss.item())
            save()
