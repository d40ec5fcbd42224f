"""Stage 5: the diffusion transformer, which learns by flow matching on encoded clips.

Velocity is noise minus data. Given first frames stay clean and are told so by a noise level of 0,
exactly as `LTXConditionPipeline` presents a video condition; the loss is on the other frames.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass

import torch
from diffusers import LTXConditionPipeline, LTXVideoTransformer3DModel
from diffusers.models.transformers.transformer_ltx import (
    LTXAttention,
    LTXVideoAttnProcessor,
    apply_rotary_emb,
)
from torch import Tensor, nn
from transformers import T5EncoderModel, T5Tokenizer

from tools.tiny_model import parallel, scenes, text_encoder
from tools.tiny_model.autoencoder import LATENT_CHANNELS
from tools.tiny_model.captions import caption
from tools.tiny_model.clips import Clip, Encoded

HEADS, HEAD_WIDTH, LAYERS = 4, 32, 6
WIDTH = HEADS * HEAD_WIDTH
LATENT_FRAMES, CELLS = 5, 64  # per latent frame: 8 x 8
FRAME_RATE = 8
BATCH = 12
MATRIX_RATE = 4e-3
OTHER_RATE = 2e-3
EMPTY_SHARE = 0.1
OBJECT_WEIGHT = 3.0
OBJECT_THRESHOLD = 0.35
PREFIX_NOISE = 0.1


def build() -> LTXVideoTransformer3DModel:
    """An untrained transformer."""
    return LTXVideoTransformer3DModel(
        in_channels=LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        num_attention_heads=HEADS,
        attention_head_dim=HEAD_WIDTH,
        cross_attention_dim=WIDTH,
        num_layers=LAYERS,
        caption_channels=text_encoder.WIDTH,
    )


def rotary(model: LTXVideoTransformer3DModel) -> tuple[Tensor, Tensor]:
    """The rotary tables of one window; the pipeline must be called with the same frame rate."""
    ids = LTXConditionPipeline._prepare_video_ids(1, LATENT_FRAMES, 8, 8)  # noqa: SLF001
    scaled = LTXConditionPipeline._scale_video_ids(ids, 8, 4)  # noqa: SLF001
    coordinates = scaled.float()
    coordinates[:, 0] /= FRAME_RATE
    tables: tuple[Tensor, Tensor] = model.rope(coordinates, video_coords=coordinates)
    return tables


@dataclass(frozen=True)
class Batch:
    """Noisy tokens and what they should become."""

    noisy: Tensor
    velocity: Tensor
    given: Tensor  # (B, tokens): true where the clean prefix is
    weights: Tensor  # (B, tokens): what each token's error counts
    levels: Tensor  # (B,): noise of the rest, 0..1
    text: Tensor
    text_mask: Tensor


def noise_levels(count: int) -> Tensor:
    """Mostly high noise, where colour, shape and motion are decided."""
    bent = torch.sigmoid(torch.randn(count) * 1.2 + 0.8)
    return torch.where(torch.rand(count) < 0.15, torch.rand(count), bent)


def importance(clip: Clip) -> float:
    """How often a clip is drawn: less where its frames tell what the caption says."""
    easy_shape = 0.6 if clip.scenes[-1].shape == "triangle" else 1.0
    return easy_shape * (1.0 if clip.turns or clip.prefix == 0 else 0.5)


def wording(clip: Clip, rng: random.Random) -> str:
    """The clip's caption; sometimes none, but never where the caption brings a change."""
    if not clip.changes and rng.random() < EMPTY_SHARE:
        return ""
    return caption(clip.scenes[-1], rng, clip.named)


def object_weights(clean: Tensor) -> Tensor:
    """More for tokens (B, F * CELLS, C) that differ from most of their frame: the object's."""
    frames = clean.unflatten(1, (LATENT_FRAMES, CELLS))
    distance = (frames - frames.median(dim=2, keepdim=True).values).norm(dim=-1)
    is_object = distance > OBJECT_THRESHOLD * distance.amax(dim=2, keepdim=True)
    return (1 + (OBJECT_WEIGHT - 1) * is_object).flatten(1)


def with_seen_prefix(encoded: Encoded, chosen: Tensor, rng: random.Random) -> Tensor:
    """Tokens whose prefix is, half of the time, what decoded frames give; slightly disturbed."""
    tokens = encoded.tokens[chosen].float()
    prefixes = encoded.prefixes[chosen].float()
    seen = (torch.rand(len(chosen)) < 0.5)[:, None, None]
    length = prefixes.shape[1]
    disturbed = torch.where(seen, prefixes, tokens[:, :length])
    disturbed += torch.randn_like(disturbed) * rng.uniform(0, PREFIX_NOISE)
    return torch.cat([disturbed, tokens[:, length:]], dim=1)


class PlainAttention(LTXVideoAttnProcessor):
    """Attention as two matrix products.

    Compiled for a CPU, its backward pass takes less than half the time of torch's fused kernel.
    """

    def __call__(
        self,
        attn: LTXAttention,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        image_rotary_emb: tuple[Tensor, Tensor] | None = None,
    ) -> Tensor:
        """What diffusers' own processor computes."""
        source = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        query, key = attn.norm_q(attn.to_q(hidden_states)), attn.norm_k(attn.to_k(source))
        if image_rotary_emb is not None:
            query = apply_rotary_emb(query, image_rotary_emb)
            key = apply_rotary_emb(key, image_rotary_emb)
        query, key, value = (
            x.unflatten(2, (attn.heads, -1)).transpose(1, 2).to(torch.bfloat16)
            for x in (query, key, attn.to_v(source))
        )
        scores = (query @ key.mT).float() * query.shape[-1] ** -0.5
        if attention_mask is not None:
            scores = scores + attention_mask[:, None]
        mixed = scores.softmax(-1).to(value.dtype) @ value
        output: Tensor = attn.to_out[0](mixed.transpose(1, 2).flatten(2).to(hidden_states.dtype))
        return output


def run_block(
    block: nn.Module,
    hidden: Tensor,
    text: Tensor,
    times: Tensor,
    given: Tensor,
    rope: tuple[Tensor, Tensor],
    bias: Tensor,
) -> Tensor:
    """One transformer block; `times` (B, 2, D) holds the noise level's and the prefix's vector."""
    per_token = torch.where(given[..., None], times[:, 1:], times[:, :1])
    output: Tensor = block(hidden, text, per_token, rope, bias)
    return output


def predict(
    model: LTXVideoTransformer3DModel,
    batch: Batch,
    rope: tuple[Tensor, Tensor],
    block_function: Callable[..., Tensor] = run_block,
) -> Tensor:
    """The model's forward pass with two time vectors per clip instead of one per token."""
    count = batch.noisy.shape[0]
    bias = ((1 - batch.text_mask.to(batch.noisy.dtype)) * -10000.0)[:, None]
    hidden = model.proj_in(batch.noisy)
    both = torch.stack([batch.levels * 1000, torch.zeros(count)], dim=1)
    times, embedded = model.time_embed(both.flatten(), hidden_dtype=hidden.dtype)
    times, embedded = times.view(count, 2, -1), embedded.view(count, 2, -1)
    text = model.caption_projection(batch.text)
    for block in model.transformer_blocks:
        hidden = block_function(block, hidden, text, times, batch.given, rope, bias)
    final = torch.where(batch.given[..., None], embedded[:, 1:], embedded[:, :1])
    shift, scale = (model.scale_shift_table[None, None] + final[:, :, None]).unbind(2)
    output: Tensor = model.proj_out(model.norm_out(hidden) * (1 + scale) + shift)
    return output


def flow_loss(output: Tensor, batch: Batch) -> Tensor:
    """Squared error of the velocity on the frames to be made."""
    error = (output.float() - batch.velocity).square().mean(-1)
    return (error * batch.weights).sum() / batch.weights.sum()


class Task:
    """Training by `parallel`: encoded clips, captions written anew each time."""

    def __init__(self, encoded: Encoded, tokenizer: T5Tokenizer, encoder: T5EncoderModel) -> None:
        """Keep what batches are made of."""
        self.encoded = encoded
        self.tokenizer = tokenizer
        self.encoder = encoder

    def prepare(self, model: LTXVideoTransformer3DModel, seed: int) -> None:
        """Compile in the process that will run it."""
        self.rng = scenes.seeded(seed)
        self.rope = rotary(model)
        self.weights = torch.tensor([importance(clip) for clip in self.encoded.clips])
        model.set_attn_processor(PlainAttention())
        self.run_block = torch.compile(run_block, dynamic=False)

    def batch(self) -> Batch:
        """Clips with fresh noise and wording."""
        chosen = torch.multinomial(self.weights, BATCH, replacement=True)
        clips = [self.encoded.clips[i] for i in chosen.tolist()]
        with torch.no_grad():
            texts = [wording(clip, self.rng) for clip in clips]
            text, mask = text_encoder.encode(self.tokenizer, self.encoder, texts)
        clean = self.encoded.tokens[chosen].float()
        prefix = torch.tensor([clip.prefix for clip in clips])
        given = torch.arange(clean.shape[1])[None] < (prefix * CELLS)[:, None]
        levels = noise_levels(BATCH)
        noise = torch.randn_like(clean)
        noisy = torch.lerp(clean, noise, levels[:, None, None])
        seen = with_seen_prefix(self.encoded, chosen, self.rng)
        noisy = torch.where(given[..., None], seen, noisy)
        weights = object_weights(clean) * ~given
        return Batch(noisy, noise - clean, given, weights, levels, text, mask)

    def loss(self, model: LTXVideoTransformer3DModel) -> Tensor:
        """The flow matching error on a new batch."""
        batch = self.batch()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            output = predict(model, batch, self.rope, self.run_block)
        return flow_loss(output, batch)


def learner(
    model: LTXVideoTransformer3DModel, rate: float
) -> parallel.Learner[LTXVideoTransformer3DModel]:
    """The optimizers of this stage; `rate` below 1 is for weights that are trained already."""
    return parallel.Learner(model, model.transformer_blocks, rate * MATRIX_RATE, rate * OTHER_RATE)
