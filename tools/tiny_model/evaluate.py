"""Measures how well a model obeys its prompts: `python -m tools.tiny_model.evaluate`.

Prints one JSON line. Openings are judged on all frames; a continuation counts when every chunk
shows the object, its background and its motion; a switch is judged on the second chunk after the
prompt changed. All scenes asked for are held out from training.
"""

import argparse
import json
import logging
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch

from tools.tiny_model import captions, sampling, scenes
from tools.tiny_model.export import Defaults, read_defaults
from tools.tiny_model.recognise import Frames, recognise
from tools.tiny_model.sampling import Generate, Request
from tools.tiny_model.scenes import ATTRIBUTES, Scene, held_out_scenes

log = logging.getLogger(__name__)

BUNDLED = Path(__file__).parents[2] / "runtime/matinee/bundled/tiny"
LONG_SHARE = 0.25  # continuations and switches take four chunks each
SEGMENTS = 4
MOVING = ("colour", "direction", "background")


@dataclass(frozen=True)
class Case:
    """A scene, the words that ask for it, and the noise."""

    scene: Scene
    prompt: str
    seed: int


Hits = dict[str, bool]


def cases(count: int, seed: int) -> list[Case]:
    """Held-out scenes in random order, in the documented sentence and in free wordings."""
    rng = scenes.seeded(seed)
    known = held_out_scenes()
    drawn = [
        scene for _ in range(count // len(known) + 1) for scene in rng.sample(known, len(known))
    ]
    return [
        Case(scene, captions.caption(scene, rng), seed * 100_003 + i)
        for i, scene in enumerate(drawn[:count])
    ]


def hits(frames: Frames, wanted: Scene) -> Hits:
    """For each attribute, whether the frames show it."""
    seen = recognise(frames)
    return {name: getattr(seen, name) == getattr(wanted, name) for name in ATTRIBUTES}


def opening(generate: Generate, case: Case) -> Hits:
    """One chunk without conditions."""
    found = hits(generate(Request(case.prompt, case.seed)), case.scene)
    return {**found, "all": all(found.values())}


def prolonged(generate: Generate, frames: Frames, case: Case, chunks: int) -> list[Frames]:
    """More chunks with the case's prompt, each from the end of what there is."""
    made: list[Frames] = []
    for k in range(chunks):
        made.append(generate(Request(case.prompt, case.seed + 7919 * (k + 1), frames)))
        frames = np.concatenate([frames, made[-1]])
    return made


def continuation(generate: Generate, case: Case) -> Hits:
    """Whether every chunk of a longer video shows the object, its motion and its background."""
    first = generate(Request(case.prompt, case.seed))
    chunks = [first, *prolonged(generate, first, case, SEGMENTS - 1)]
    found = [hits(chunk, case.scene) for chunk in chunks]
    kept = {name: all(f[name] for f in found) for name in ATTRIBUTES}
    return {"continuation": all(kept[name] for name in MOVING), **prefixed("continuation", kept)}


def switch(generate: Generate, before: Case, after: Case) -> Hits:
    """What the second chunk after a change of the prompt shows."""
    frames = generate(Request(before.prompt, before.seed))
    found = hits(prolonged(generate, frames, after, 2)[-1], after.scene)
    return {"switch": all(found[name] for name in MOVING), **prefixed("switch", found)}


def prefixed(word: str, found: Hits) -> Hits:
    """The attributes' figures under longer names."""
    return {f"{word}_{name}": hit for name, hit in found.items()}


def shares(rows: Sequence[Hits]) -> dict[str, float]:
    """How often each thing was right."""
    return {name: round(sum(row[name] for row in rows) / len(rows), 3) for name in rows[0]}


def evaluate(generate: Generate, prompts: int, seed: int) -> dict[str, float]:
    """All figures."""
    asked = cases(prompts, seed)
    few = asked[: max(2, round(prompts * LONG_SHARE))]
    begun = time.monotonic()
    openings = [opening(generate, case) for case in asked]
    log.info("openings %s after %.0f s", shares(openings), time.monotonic() - begun)
    longer = [continuation(generate, case) for case in few]
    log.info("continuations %s after %.0f s", shares(longer), time.monotonic() - begun)
    turned = zip(few, few[1:] + few[:1], strict=True)
    switches = [switch(generate, before, after) for before, after in turned]
    log.info("switches %s after %.0f s", shares(switches), time.monotonic() - begun)
    return {**shares(openings), **shares(longer), **shares(switches)}


def configured(folder: Path, steps: int | None, guidance: float | None) -> Defaults:
    """The folder's defaults with what the command line overrides."""
    defaults = read_defaults(folder)
    return replace(
        defaults,
        num_inference_steps=steps or defaults.num_inference_steps,
        guidance_scale=guidance or defaults.guidance_scale,
    )


def main() -> None:
    """Read the command line, measure, print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prompts", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model", default="builtin:tiny", help="a folder, or builtin:tiny")
    parser.add_argument("--steps", type=int, help="instead of the model's default")
    parser.add_argument("--guidance", type=float, help="instead of the model's default")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(arguments.threads)
    folder = BUNDLED if arguments.model == "builtin:tiny" else Path(arguments.model)
    defaults = configured(folder, arguments.steps, arguments.guidance)
    generate = sampling.diffusers_generate(sampling.load(folder), defaults)
    begun = time.monotonic()
    figures: dict[str, object] = dict(evaluate(generate, arguments.prompts, arguments.seed))
    conditions = {
        "steps": defaults.num_inference_steps,
        "prompts": arguments.prompts,
        "seed": arguments.seed,
        "model": arguments.model,
        "defaults": asdict(defaults),
        "threads": arguments.threads,
        "torch": torch.__version__,
        "seconds": round(time.monotonic() - begun, 1),
    }
    print(json.dumps({**figures, **conditions}))


if __name__ == "__main__":
    main()
