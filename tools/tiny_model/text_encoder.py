"""Stage 2: a two-layer T5 encoder that knows the grammar's words and what they are about.

It is trained alone, with four linear heads that must read the scene's attributes from the mean of
its states, and frozen afterwards: a denoiser trained jointly with it needs half an hour to find out
which colour belongs to the object.
"""

import logging
import random
import string

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import T5Config, T5EncoderModel, T5Tokenizer

from tools.tiny_model import captions, scenes
from tools.tiny_model.scenes import ATTRIBUTES, VALUES, Scene, training_scenes
from tools.tiny_model.schedule import Budget, learning_rate

log = logging.getLogger(__name__)

WIDTH = 64
MAX_TOKENS = 24
BATCH = 64
PEAK_RATE = 3e-3
ALL_NAMED_SHARE = 0.8
IGNORED = -100


def build_tokenizer() -> T5Tokenizer:
    """Whole words where they are known, single characters elsewhere."""
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", -100.0)]
    pieces += [(f"▁{word}", -3.0) for word in captions.vocabulary() if word.isalpha()]
    characters = string.ascii_letters + string.digits + string.punctuation
    pieces += [(character, -8.0) for character in "▁" + characters]
    return T5Tokenizer(vocab=pieces, extra_ids=0, model_max_length=MAX_TOKENS)


def build(tokenizer: T5Tokenizer) -> T5EncoderModel:
    """An untrained encoder for the tokenizer."""
    config = T5Config(
        vocab_size=len(tokenizer),
        d_model=WIDTH,
        d_kv=16,
        d_ff=128,
        num_layers=2,
        num_heads=4,
        dropout_rate=0.0,
        feed_forward_proj="gated-gelu",
    )
    return T5EncoderModel(config)


class Heads(nn.Module):
    """Linear readers of the four attributes; needed in training only."""

    def __init__(self) -> None:
        """One head per attribute."""
        super().__init__()
        self.heads = nn.ModuleList(nn.Linear(WIDTH, len(VALUES[name])) for name in ATTRIBUTES)

    def forward(self, states: Tensor, mask: Tensor) -> list[Tensor]:
        """Scores per attribute from the mean of the unmasked states."""
        weights = mask[..., None].to(states.dtype)
        mean = (states * weights).sum(1) / weights.sum(1)
        return [head(mean) for head in self.heads]


def tokenize(tokenizer: T5Tokenizer, texts: list[str]) -> tuple[Tensor, Tensor]:
    """Token ids and mask, padded as the pipeline pads."""
    tokens = tokenizer(
        texts, padding="max_length", max_length=MAX_TOKENS, truncation=True, return_tensors="pt"
    )
    return tokens.input_ids, tokens.attention_mask.bool()


def encode(
    tokenizer: T5Tokenizer, encoder: T5EncoderModel, texts: list[str]
) -> tuple[Tensor, Tensor]:
    """States (B, MAX_TOKENS, WIDTH) and mask of some texts."""
    ids, mask = tokenize(tokenizer, texts)
    return encoder(ids, attention_mask=mask)[0], mask


def random_mention(rng: random.Random) -> frozenset[str]:
    """Which attributes a caption names: mostly all of them."""
    if rng.random() < ALL_NAMED_SHARE:
        return captions.ALL_NAMED
    return frozenset(rng.sample(ATTRIBUTES, rng.randint(1, len(ATTRIBUTES) - 1)))


def labels(scene: Scene, named: frozenset[str]) -> list[int]:
    """The classes to be read from a caption; what it does not name is ignored."""
    return [
        VALUES[name].index(getattr(scene, name)) if name in named else IGNORED
        for name in ATTRIBUTES
    ]


def labelled_batch(rng: random.Random) -> tuple[list[str], Tensor]:
    """Captions and their labels (B, 4)."""
    drawn = [(rng.choice(training_scenes()), random_mention(rng)) for _ in range(BATCH)]
    texts = [captions.caption(scene, rng, named) for scene, named in drawn]
    return texts, torch.tensor([labels(scene, named) for scene, named in drawn])


def train(tokenizer: T5Tokenizer, encoder: T5EncoderModel, budget: Budget) -> None:
    """Train encoder and heads until the budget is used up."""
    rng = scenes.seeded(1)
    heads = Heads()
    parameters = [*encoder.parameters(), *heads.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=PEAK_RATE, weight_decay=0.01)
    while not budget.spent:
        learning_rate(optimizer, PEAK_RATE, budget.share, budget.step)
        texts, wanted = labelled_batch(rng)
        scores = heads(*encode(tokenizer, encoder, texts))
        losses = [functional.cross_entropy(s, wanted[:, i]) for i, s in enumerate(scores)]
        loss = torch.stack(losses).sum()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        if budget.tick():
            log.info("text step %d share %.2f loss %.4f", budget.step, budget.share, loss.item())
