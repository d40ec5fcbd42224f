"""Makes segments with the product's engine, as a session does: the seam of the evaluation."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from matinee.engine.engine import Engine
from matinee.generation import State, with_defaults
from matinee_api.config.runtime_config import EngineConfig, GeneratorConfig
from tools.tiny_model.recognise import Frames


@dataclass(frozen=True)
class Request:
    """One segment: its prompt, the session's seed, and where the video stands (None: it begins)."""

    prompt: str
    seed: int
    state: State | None = None


@dataclass(frozen=True)
class Made:
    """A segment's frames, those of the state not among them, and the state that it leaves."""

    frames: Frames
    state: State


Generate = Callable[[Request], Made]


def load(model: str, threads: int) -> Engine:
    """`builtin:tiny` or a folder, on the CPU."""
    engine = EngineConfig(device="cpu", cpu_threads=threads)
    return Engine.load(GeneratorConfig(model_path=model, engine=engine))


def engine_generate(
    engine: Engine, steps: int | None = None, guidance: float | None = None
) -> Generate:
    """A generator with the model's defaults, less what is given."""

    def generate(request: Request) -> Made:
        asked = with_defaults(
            engine.info.defaults,
            request.prompt,
            request.seed,
            num_inference_steps=steps,
            guidance_scale=guidance,
        )
        run = engine.begin(asked, request.state)
        chunks = []
        while not run.finished:
            chunks.append(run.next_chunk(lambda _progress: None).frames.numpy())
        return Made(np.concatenate(chunks), run.state())

    return generate
