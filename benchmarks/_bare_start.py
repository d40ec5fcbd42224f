"""The floor of `ready_time.py`: one process that imports what the server and its worker import, and
loads the same weights with diffusers alone. It says so on stdout and ends."""

from __future__ import annotations

import importlib
from typing import Any

import torch
from diffusers.pipelines.ltx import pipeline_ltx_condition

from matinee.weights.local_folder import model_folder_of

MODEL = "builtin:tiny"


def main() -> None:
    for module in ("matinee.cli", "matinee.server.host", "matinee.worker.torch_backend"):
        importlib.import_module(module)
    untyped: Any = pipeline_ltx_condition
    untyped.LTXConditionPipeline.from_pretrained(
        model_folder_of(MODEL, None), dtype=torch.float32, use_safetensors=True
    )
    print("loaded", flush=True)


if __name__ == "__main__":
    main()
