"""Stage 3: the clips that the denoiser learns from, drawn and encoded once.

Four kinds, after what the engine asks for: a video's opening; a continuation of clean first
frames; a prompt that changes right after those frames; and the window after such a change, whose
first frames still show it.
"""

import random
from dataclasses import dataclass

import torch
from diffusers import AutoencoderKLLTXVideo
from torch import Tensor, multiprocessing

from tools.tiny_model import autoencoder, scenes
from tools.tiny_model.captions import ALL_NAMED
from tools.tiny_model.scenes import Scene
from tools.tiny_model.text_encoder import random_mention

PREFIX_LENGTHS = (1, 2, 3)  # latent frames
PREFIX_WEIGHTS = (15, 10, 75)
KINDS = ("opening", "continuing", "changing", "after_change")
KIND_WEIGHTS = (42, 20, 26, 12)
ENCODE_BATCH = 16


@dataclass(frozen=True)
class Clip:
    """One window of video: scene k starts at frame `starts[k]`; `prefix` latent frames are given.

    The caption is about the last scene and names only some of its attributes.
    """

    scenes: tuple[Scene, ...]
    starts: tuple[int, ...]
    position: tuple[float, float]
    prefix: int
    named: frozenset[str]

    @property
    def changes(self) -> bool:
        """Whether the caption differs from what the first frames show."""
        return len(self.scenes) > 1

    @property
    def turns(self) -> bool:
        """Whether the scene changes right after the given frames."""
        return self.changes and self.starts[-1] == pixel_frames(self.prefix)


def pixel_frames(latent_frames: int) -> int:
    """How many frames a number of latent frames covers."""
    return 4 * (latent_frames - 1) + 1


def drawn_change(scene: Scene, rng: random.Random) -> tuple[Scene, frozenset[str]]:
    """What the scene becomes after a new prompt, and which attributes that prompt names."""
    while True:
        named = random_mention(rng)
        result = scenes.changed(scene, rng.choice(scenes.training_scenes()), named)
        if result.contrasts and not scenes.is_held_out(result):
            return result, named


def draw(rng: random.Random) -> Clip:
    """A random clip of a random kind."""
    kind = rng.choices(KINDS, KIND_WEIGHTS)[0]
    first = rng.choice(scenes.training_scenes())
    if kind == "opening":
        return Clip((first,), (0,), scenes.opening_position(first, rng), 0, random_mention(rng))
    position = scenes.any_position(rng)
    prefix = rng.choices(PREFIX_LENGTHS, PREFIX_WEIGHTS)[0]
    if kind == "continuing":
        return Clip((first,), (0,), position, prefix, random_mention(rng))
    second, named = drawn_change(first, rng)
    if kind == "changing":
        return Clip((first, second), (0, pixel_frames(prefix)), position, prefix, named)
    if rng.random() < 0.7:
        return Clip((first, second), (0, 1), position, 3, ALL_NAMED)
    third, named = drawn_change(second, rng)
    return Clip((first, second, third), (0, 1, 9), position, 3, named)


def tokens(vae: AutoencoderKLLTXVideo, latents: Tensor) -> Tensor:
    """Latents (B, C, F, H, W) as the denoiser's normalised tokens (B, F*H*W, C)."""
    mean, spread = (v.view(1, -1, 1, 1, 1) for v in (vae.latents_mean, vae.latents_std))
    return ((latents - mean) / spread).flatten(2).transpose(1, 2)


def shown(video: Tensor) -> Tensor:
    """Frames as they come back from 8-bit pictures."""
    return (video.float().clamp(-1, 1) * 127.5).round() / 127.5


@torch.inference_mode()
def encode(vae: AutoencoderKLLTXVideo, batch: list[Clip]) -> tuple[Tensor, Tensor]:
    """Tokens of the clips; and of their first frames after one more decoding and encoding.

    Clips without a given prefix do not need the second, so they get the first again.
    """
    rendered = [scenes.render(list(c.scenes), list(c.starts), c.position) for c in batch]
    prefixed = torch.tensor([clip.prefix > 0 for clip in batch])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        latents = autoencoder.encode(vae, torch.stack(rendered)).float()
        first = latents[:, :, : PREFIX_LENGTHS[-1]].clone()
        if prefixed.any():
            first[prefixed] = autoencoder.encode(vae, shown(vae.decoder(first[prefixed]))).float()
    return tokens(vae, latents).half(), tokens(vae, first).half()


@dataclass(frozen=True)
class Encoded:
    """Clips with their tokens (N, 320, C) and the decoded-and-encoded prefix (N, 192, C)."""

    clips: list[Clip]
    tokens: Tensor
    prefixes: Tensor


def encode_many(vae: AutoencoderKLLTXVideo, count: int, seed: int) -> Encoded:
    """Draw and encode `count` clips on one core."""
    torch.set_num_threads(1)
    rng = scenes.seeded(seed)
    drawn = [draw(rng) for _ in range(count)]
    parts = [encode(vae, drawn[i : i + ENCODE_BATCH]) for i in range(0, count, ENCODE_BATCH)]
    whole, prefixes = zip(*parts, strict=True)
    return Encoded(drawn, torch.cat(whole), torch.cat(prefixes))


def encode_parallel(vae: AutoencoderKLLTXVideo, count: int, processes: int, seed: int) -> Encoded:
    """Draw and encode `count` clips on several cores."""
    first = 100 * (1 + seed)
    jobs = [(vae, count // processes, first + k) for k in range(processes)]
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        parts: list[Encoded] = pool.starmap(encode_many, jobs)
    return Encoded(
        [clip for part in parts for clip in part.clips],
        torch.cat([part.tokens for part in parts]),
        torch.cat([part.prefixes for part in parts]),
    )


@torch.inference_mode()
def measure_spread(vae: AutoencoderKLLTXVideo, seed: int = 3) -> None:
    """Set the autoencoder's latent mean and spread per channel, which the pipeline applies."""
    rng = scenes.seeded(seed)
    drawn = [draw(rng) for _ in range(96)]
    rendered = [scenes.render(list(c.scenes), list(c.starts), c.position) for c in drawn]
    latents = torch.cat([autoencoder.encode(vae, v[None]).float() for v in rendered])
    vae.latents_mean.copy_(latents.mean(dim=(0, 2, 3, 4)))
    vae.latents_std.copy_(latents.std(dim=(0, 2, 3, 4)))
