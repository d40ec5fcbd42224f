"""Trains the tiny model from nothing: `python -m tools.tiny_model.train --out DIR --minutes 105`.

Five stages share the time; each keeps its result under DIR, so a run that was stopped goes on
after its last finished stage, and `DIR/pipeline` is refreshed while the denoiser trains.
"""

import argparse
import copy
import logging
from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import AutoencoderKLLTXVideo, LTXVideoTransformer3DModel
from transformers import T5EncoderModel, T5Tokenizer

from tools.tiny_model import autoencoder, clips, denoiser, parallel, text_encoder
from tools.tiny_model.export import export
from tools.tiny_model.schedule import Budget

log = logging.getLogger(__name__)

AUTOENCODER_SHARE = 0.2
DECODER_SHARE = 0.15
TEXT_SHARE = 0.01
CLIPS = 4800


@dataclass(frozen=True)
class Parts:
    """What is trained before the denoiser."""

    vae: AutoencoderKLLTXVideo
    tokenizer: T5Tokenizer
    encoder: T5EncoderModel


def trained_vae(out: Path, seconds: float, processes: int) -> AutoencoderKLLTXVideo:
    """Stage 1, or its result from an earlier run."""
    folder = out / "vae"
    if not (folder / "config.json").exists():
        vae = parallel.train(
            autoencoder.learner(autoencoder.build()),
            autoencoder.Task(),
            Budget(seconds),
            processes,
            lambda mean: mean.save_pretrained(out / "vae_running"),
        )
        clips.measure_spread(vae)
        vae.save_pretrained(folder)
    return AutoencoderKLLTXVideo.from_pretrained(folder).eval().requires_grad_(False)


def polished_vae(out: Path, seconds: float, processes: int) -> AutoencoderKLLTXVideo:
    """Stage 4, or its result from an earlier run: the decoder alone goes on, latents are fixed."""
    vae = AutoencoderKLLTXVideo.from_pretrained(out / "vae").eval().requires_grad_(False)
    folder = out / "vae_polished"
    if (folder / "config.json").exists():
        return AutoencoderKLLTXVideo.from_pretrained(folder).eval().requires_grad_(False)
    decoder = parallel.train(
        autoencoder.decoder_learner(copy.deepcopy(vae.decoder).requires_grad_(True)),
        autoencoder.DecoderTask(vae),
        Budget(seconds),
        processes,
        lambda mean: torch.save(mean.state_dict(), out / "decoder_running.pt"),
    )
    vae.decoder.load_state_dict(decoder.state_dict())
    vae.save_pretrained(folder)
    return vae


def trained_text(out: Path, seconds: float) -> tuple[T5Tokenizer, T5EncoderModel]:
    """Stage 2, or its result from an earlier run."""
    tokenizer, folder = text_encoder.build_tokenizer(), out / "text_encoder"
    if (folder / "config.json").exists():
        return tokenizer, T5EncoderModel.from_pretrained(folder).eval().requires_grad_(False)
    encoder = text_encoder.build(tokenizer)
    text_encoder.train(tokenizer, encoder, Budget(seconds, report_every_s=10))
    encoder.requires_grad_(False).save_pretrained(folder)
    return tokenizer, encoder


def encoded_clips(
    out: Path, vae: AutoencoderKLLTXVideo, processes: int, seed: int
) -> clips.Encoded:
    """Stage 3, or its result from an earlier run."""
    file = out / "clips.pt"
    if not file.exists():
        torch.save(clips.encode_parallel(vae, CLIPS, processes, seed), file)
    encoded: clips.Encoded = torch.load(file, weights_only=False)
    return encoded


def begun_denoiser(out: Path) -> LTXVideoTransformer3DModel:
    """What an earlier run got to, or untrained weights."""
    folder = out / "pipeline" / "transformer"
    if not folder.exists():
        return denoiser.build()
    model = LTXVideoTransformer3DModel.from_pretrained(folder, torch_dtype=torch.float32)
    return model.train()


def save_pipeline(out: Path, parts: Parts, transformer: LTXVideoTransformer3DModel) -> None:
    """Export copies of the parts as they are now."""
    vae, encoder, model = (copy.deepcopy(p) for p in (parts.vae, parts.encoder, transformer))
    export(out / "pipeline", vae, model, encoder, parts.tokenizer)


@dataclass(frozen=True)
class Plan:
    """What the command line asks for."""

    out: Path
    minutes: float
    threads: int
    seed: int
    rate: float


def train(plan: Plan) -> None:
    """All stages."""
    out, processes = plan.out, plan.threads
    out.mkdir(parents=True, exist_ok=True)
    total = Budget(plan.minutes * 60)
    vae = trained_vae(out, AUTOENCODER_SHARE * total.seconds, processes)
    tokenizer, encoder = trained_text(out, TEXT_SHARE * total.seconds)
    task = denoiser.Task(encoded_clips(out, vae, processes, plan.seed), tokenizer, encoder)
    polished = polished_vae(out, DECODER_SHARE * total.seconds, processes)
    parts = Parts(polished, tokenizer, encoder)
    model = parallel.train(
        denoiser.learner(begun_denoiser(out), plan.rate),
        task,
        Budget((1 - total.share) * total.seconds),
        processes,
        lambda mean: save_pipeline(out, parts, mean),
    )
    save_pipeline(out, parts, model)


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for all results")
    parser.add_argument("--minutes", type=float, default=105, help="wall time of the whole run")
    parser.add_argument("--threads", type=int, default=2, help="cores to use")
    parser.add_argument("--seed", type=int, default=0, help="which clips are drawn")
    parser.add_argument(
        "--rate", type=float, default=1.0, help="share of the denoiser's learning rates"
    )
    plan = Plan(**vars(parser.parse_args()))
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(plan.threads)
    torch.manual_seed(plan.seed)
    train(plan)


if __name__ == "__main__":
    main()
