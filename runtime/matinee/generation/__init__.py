"""What is asked of a model and what it may be asked: plain values, no torch, no I/O.

The API process refuses a bad request by the `ModelInfo` alone. All of it crosses the process
boundary.
"""

from __future__ import annotations

from matinee.generation.checks import MOST, check_can, check_prompt, check_request, check_widest
from matinee.generation.chunks import ChunkPlan, count_steps, plan_chunks
from matinee.generation.model_info import GenerationDefaults, ModelInfo
from matinee.generation.notes import may_be_cut, notes_on, prompts_of
from matinee.generation.request import (
    Adapter,
    Chunk,
    RgbFrames,
    SegmentRequest,
    StepProgress,
    with_defaults,
)
from matinee.generation.sampling import SamplingOptions
from matinee.generation.service_limits import served
from matinee.generation.sound import (
    AudioFormat,
    Pcm,
    Samples,
    cut_sound,
    joined_sound,
    samples_before,
    samples_of,
    sound_of_frames,
)
from matinee.generation.state import State, StateSummary

__all__ = [
    "MOST",
    "Adapter",
    "AudioFormat",
    "Chunk",
    "ChunkPlan",
    "GenerationDefaults",
    "ModelInfo",
    "Pcm",
    "RgbFrames",
    "Samples",
    "SamplingOptions",
    "SegmentRequest",
    "State",
    "StateSummary",
    "StepProgress",
    "check_can",
    "check_prompt",
    "check_request",
    "check_widest",
    "count_steps",
    "cut_sound",
    "joined_sound",
    "may_be_cut",
    "notes_on",
    "plan_chunks",
    "prompts_of",
    "samples_before",
    "samples_of",
    "served",
    "sound_of_frames",
    "with_defaults",
]
