"""What a denoising step costs in the engine, against the bare diffusers call.

Both make the same pictures from the same prompt, seed and noise levels. The
clip is larger than the bundled model's own, so that a step is as long as a real model's on a GPU.
CPU time on one thread: nothing waits here, so it is the wall time of a quiet machine, and other
programs do not disturb it.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
from diffusers.pipelines.ltx import pipeline_ltx_condition

from benchmarks._report import medians, package_versions, report
from matinee.engine.engine import Engine
from matinee.engine.families.ltx import shifted_timesteps
from matinee.engine.sources import model_folder_of
from matinee.generation import SegmentRequest
from matinee_api.runtime_config import EngineConfig, GeneratorConfig

MODEL = "builtin:tiny"
SETTINGS = json.loads((model_folder_of(MODEL, None) / "matinee.json").read_text())
REPETITIONS = 11
REQUEST = SegmentRequest(
    prompt="a red ball moving left on a blue background",
    seed=7,
    width=128,
    height=128,
    num_frames=17,
    fps=8,
    num_inference_steps=6,
    guidance_scale=1.0,
)


def main() -> None:
    """A chunk of ours carries progress at each step, the overlap and the state."""
    engine = Engine.load(
        GeneratorConfig(model_path=MODEL, engine=EngineConfig(device="cpu", cpu_threads=1))
    )
    pipeline = bare_pipeline()
    result, peer = medians(
        REPETITIONS, lambda: step_ms(lambda: ours(engine)), lambda: step_ms(lambda: bare(pipeline))
    )
    report(
        name="denoising step, against the bare diffusers call",
        unit="ms",
        ours=result,
        peer=peer,
        target=1.01,
        conditions={
            "clip": f"{REQUEST.num_frames} frames {REQUEST.width}x{REQUEST.height}",
            "steps": REQUEST.num_inference_steps,
            "measured": "CPU time of a whole call with decoding, divided by its steps",
            "threads": 1,
            "peer": "LTXConditionPipeline.__call__",
            "repetitions": REPETITIONS,
            **package_versions("torch", "diffusers"),
        },
    )


def ours(engine: Engine) -> None:
    run = engine.begin(REQUEST)
    while not run.finished:
        run.next_chunk(lambda _progress: None)
    run.state()


def bare_pipeline() -> Any:
    untyped: Any = pipeline_ltx_condition
    pipeline = untyped.LTXConditionPipeline.from_pretrained(
        model_folder_of(MODEL, None), dtype=torch.float32
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def bare(pipeline: Any) -> None:
    pipeline(
        prompt=REQUEST.prompt,
        width=REQUEST.width,
        height=REQUEST.height,
        num_frames=REQUEST.num_frames,
        frame_rate=REQUEST.fps,
        num_inference_steps=REQUEST.num_inference_steps,
        timesteps=shifted_timesteps(REQUEST.num_inference_steps, SETTINGS["timestep_shift"]),
        guidance_scale=REQUEST.guidance_scale,
        generator=torch.Generator().manual_seed(REQUEST.seed),
        max_sequence_length=SETTINGS["max_sequence_length"],
    )


def step_ms(make: Callable[[], None]) -> float:
    begun = time.process_time()
    make()
    return (time.process_time() - begun) * 1000 / REQUEST.num_inference_steps


if __name__ == "__main__":
    main()
