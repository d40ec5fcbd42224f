"""A small model's rules, and what is asked of it. Tests name what they change."""

from __future__ import annotations

import dataclasses
from typing import Any

from matinee.generation import GenerationDefaults, ModelInfo, SegmentRequest, with_defaults

DEFAULTS = GenerationDefaults(
    width=64, height=64, num_frames=17, fps=24, num_inference_steps=4, guidance_scale=1.0
)
INFO = ModelInfo(
    model_id="test",
    family="ltx",
    state_kind="ltx.v1",
    spatial_factor=32,
    temporal_factor=8,
    chunk_frames=17,
    overlap_frames=9,
    defaults=DEFAULTS,
)


def info(defaults: dict[str, Any] | None = None, **rules: Any) -> ModelInfo:
    changed = dataclasses.replace(DEFAULTS, **(defaults or {}))
    return dataclasses.replace(INFO, defaults=changed, **rules)


def request(**values: Any) -> SegmentRequest:
    """A red ball, two steps, seed 7."""
    asked = with_defaults(DEFAULTS, "a red ball", 7, fps=8, num_inference_steps=2)
    return dataclasses.replace(asked, **values)
