"""What is asked of a model and what it may be asked: plain values, no torch, no I/O.

The API process refuses a bad request by the `ModelInfo` alone. All of it crosses the process
boundary.
"""

from __future__ import annotations

from matinee.generation.checks import check_prompt, check_request
from matinee.generation.chunks import ChunkPlan, count_steps, plan_chunks
from matinee.generation.model_info import GenerationDefaults, ModelInfo
from matinee.generation.request import (
    RgbFrames,
    SegmentRequest,
    StepProgress,
    with_defaults,
)
from matinee.generation.state import State, StateSummary

__all__ = [
    "ChunkPlan",
    "GenerationDefaults",
    "ModelInfo",
    "RgbFrames",
    "SegmentRequest",
    "State",
    "StateSummary",
    "StepProgress",
    "check_prompt",
    "check_request",
    "count_steps",
    "plan_chunks",
    "with_defaults",
]
