"""Measures how well a model obeys its prompts: `python -m tools.tiny_model.evaluate`.

Prints one JSON line. The clips are made by the product's engine with the model's defaults, in
sessions as a viewer has them: each segment goes on from the state that the one before it left.
All scenes asked for are held out from training. The figures are shares of the prompts:

- `background`, `colour`, `direction`, `shape`: the opening segment (17 frames) shows what the
  prompt names; `all`: all four at once.
- `continuation`: over a session of 4 segments of the same prompt (65 frames), EACH segment shows
  the prompt's object, that is its colour AND its shape, its direction and its background.
  `continuation_colour` and so on count one attribute alone in the same way.
- `switch`: in a session whose second segment has another prompt, the later half of that segment
  shows all four of the new prompt; `switch_colour` and so on count one attribute alone.

`continuation` and `switch` are measured on the first quarter of the prompts.
"""

import argparse
import json
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from tools.tiny_model import captions, scenes, segments
from tools.tiny_model.recognise import Frames, recognise
from tools.tiny_model.scenes import ATTRIBUTES, Scene, held_out_scenes
from tools.tiny_model.segments import Generate, Request

log = logging.getLogger(__name__)

LONG_SHARE = 0.25  # continuations take four segments each
SEGMENTS = 4


@dataclass(frozen=True)
class Case:
    """A scene, the words that ask for it, and the session's seed."""

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
    """The first segment of a session."""
    found = hits(generate(Request(case.prompt, case.seed)).frames, case.scene)
    return {**found, "all": all(found.values())}


def session(generate: Generate, seed: int, prompts: Sequence[str]) -> list[Frames]:
    """The segments of one session, each from the state that the one before it left."""
    state, shown = None, []
    for prompt in prompts:
        made = generate(Request(prompt, seed, state))
        state = made.state
        shown.append(made.frames)
    return shown


def continuation(generate: Generate, case: Case) -> Hits:
    """Whether each of four segments shows the object, its motion and its background."""
    shown = session(generate, case.seed, [case.prompt] * SEGMENTS)
    found = [hits(segment, case.scene) for segment in shown]
    kept = {name: all(f[name] for f in found) for name in ATTRIBUTES}
    for k, segment in enumerate(found):
        lost = [name for name in ATTRIBUTES if not segment[name]]
        if lost:
            log.info("%r, segment %d: lost %s", case.prompt, k, ", ".join(lost))
    return {"continuation": all(kept.values()), **prefixed("continuation", kept)}


def switch(generate: Generate, before: Case, after: Case) -> Hits:
    """What the later half of the segment shows whose prompt is another one."""
    _, segment = session(generate, before.seed, [before.prompt, after.prompt])
    found = hits(segment[len(segment) // 2 :], after.scene)
    return {"switch": all(found.values()), **prefixed("switch", found)}


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


def main() -> None:
    """Read the command line, measure, print one JSON line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--prompts", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model", default="builtin:tiny", help="a folder, or builtin:tiny")
    parser.add_argument("--steps", type=int, help="instead of the model's default")
    parser.add_argument("--guidance", type=float, help="instead of the model's default")
    parser.add_argument("--threads", type=int, default=2)
    asked = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    engine = segments.load(asked.model, asked.threads)
    generate = segments.engine_generate(engine, asked.steps, asked.guidance)
    begun = time.monotonic()
    figures: dict[str, object] = dict(evaluate(generate, asked.prompts, asked.seed))
    conditions = {
        **vars(asked),
        "steps": asked.steps or engine.info.defaults.num_inference_steps,
        "guidance": asked.guidance or engine.info.defaults.guidance_scale,
        "torch": torch.__version__,
        "seconds": round(time.monotonic() - begun, 1),
    }
    print(json.dumps({**figures, **conditions}))


if __name__ == "__main__":
    main()
