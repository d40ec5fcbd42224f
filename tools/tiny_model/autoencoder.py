"""Stage 1: the video autoencoder (8x8x4 compression to 16 channels).

It sees the grammar's scenes and also random colours, so that adapters can teach new ones. The
loss weighs the object, which covers an eighth of the picture. The latent is the mean; noise of a
fixed share of its spread is added in training, so that the decoder bears an imperfect denoiser.
"""

import random

import torch
from diffusers import AutoencoderKLLTXVideo
from torch import Tensor, nn
from torch.nn import functional

from tools.tiny_model import parallel, scenes

LATENT_CHANNELS = 16
BATCH = 6
PEAK_RATE = 3e-3
DECODER_RATE = 2e-3
NOISE_SHARE = 0.1
PALETTE_SHARE = 0.6
OBJECT_WEIGHT = 4.0
MARGIN = 4  # pixels around the object that weigh as much
OUTLINE_WEIGHT = 10.0
OUTLINE = 2  # pixels on either side
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
    """Mostly a palette colour, else any."""
    if rng.random() < PALETTE_SHARE:
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


def weights(masks: Tensor) -> Tensor:
    """What each pixel counts: most along the outline, which tells a square from a circle.

    Both sides of the outline weigh the same; else the object would grow.
    """
    near = spread(masks, MARGIN)
    outline = spread(masks, OUTLINE) * spread(1 - masks, OUTLINE)
    return 1 + (OBJECT_WEIGHT - 1) * near + (OUTLINE_WEIGHT - OBJECT_WEIGHT) * outline


def spread(masks: Tensor, pixels: int) -> Tensor:
    """The masks (B, 1, T, H, W), grown by some pixels."""
    kernel = (1, 2 * pixels + 1, 2 * pixels + 1)
    return functional.max_pool3d(masks, kernel, 1, (0, pixels, pixels))


def batch(rng: random.Random) -> tuple[Tensor, Tensor]:
    """BATCH clips, and the weight of each of their pixels."""
    clips, masks = zip(*(random_clip(rng) for _ in range(BATCH)), strict=True)
    return torch.stack(clips), weights(torch.stack(masks))


def encode(vae: AutoencoderKLLTXVideo, video: Tensor) -> Tensor:
    """The latent mean, not yet normalised."""
    moments = vae.encoder(video)
    return moments[:, :LATENT_CHANNELS]


def disturbed(latents: Tensor) -> Tensor:
    """The latents with noise of a fixed share of their spread."""
    spread = latents.detach().float().std(dim=(0, 2, 3, 4), keepdim=True)
    return latents + NOISE_SHARE * spread * torch.randn_like(latents)


def reconstruct(vae: AutoencoderKLLTXVideo, video: Tensor) -> Tensor:
    """Encode, disturb, decode."""
    output: Tensor = vae.decoder(disturbed(encode(vae, video)))
    return output


def weighted_error(output: Tensor, video: Tensor, weights: Tensor) -> Tensor:
    """Mean of squared and a third of absolute error, objects counting more."""
    gap = output.float() - video
    return ((gap.square() + 0.3 * gap.abs()) * weights).mean()


class Task:
    """Training by `parallel`: reconstruct random clips."""

    def prepare(self, model: AutoencoderKLLTXVideo, seed: int) -> None:
        """Compile in the process that will run it."""
        self.rng = scenes.seeded(seed)
        self.reconstruct = torch.compile(reconstruct, dynamic=False)

    def loss(self, model: AutoencoderKLLTXVideo) -> Tensor:
        """The error on a new batch."""
        video, weights = batch(self.rng)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            output = self.reconstruct(model, video)
        return weighted_error(output, video, weights)


def learner(vae: AutoencoderKLLTXVideo) -> parallel.Learner[AutoencoderKLLTXVideo]:
    """The optimizers of this stage."""
    return parallel.Learner(vae, vae, PEAK_RATE, PEAK_RATE)


def decoder_learner(decoder: nn.Module) -> parallel.Learner[nn.Module]:
    """The optimizers of the decoder's own stage."""
    return parallel.Learner(decoder, decoder, DECODER_RATE, DECODER_RATE)


class DecoderTask:
    """Training by `parallel` of the decoder alone, when denoiser and latents are fixed."""

    def __init__(self, vae: AutoencoderKLLTXVideo) -> None:
        """Keep the encoder; `vae` must not need gradients."""
        self.vae = vae

    def prepare(self, model: nn.Module, seed: int) -> None:
        """Compile in the process that will run it."""
        self.rng = scenes.seeded(seed)
        self.decode = torch.compile(model, dynamic=False)

    def loss(self, model: nn.Module) -> Tensor:
        """The error on a new batch."""
        video, weights = batch(self.rng)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            with torch.no_grad():
                latents = disturbed(encode(self.vae, video))
            output = self.decode(latents)
        return weighted_error(output, video, weights)
