"""What families do with a stock pipeline of diffusers: load it, copy what keeps state, hear of its
steps, tell what it can be asked.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from diffusers import ConfigMixin

from matinee.engine.library_logs import drop_messages, without_progress_bars
from matinee.errors import InvalidRequest, ModelUnavailable
from matinee.generation import GenerationDefaults, ModelInfo, check_request, with_defaults
from matinee.weights.model_folder import ModelSettings
from matinee_api.families import Family

Dtypes = torch.dtype | dict[str, torch.dtype]
"""Of all components, or by their names and of the `default`."""


def load_pipeline(
    pipeline_class: Any, folder: Path, device: torch.device, dtype: Dtypes, title: str
) -> Any:
    """Onto the device. Raises `ModelUnavailable`. `title`: what the files should be."""
    silence(pipeline_class)
    try:
        with without_progress_bars():
            pipeline = pipeline_class.from_pretrained(
                folder, dtype=dtype, use_safetensors=True, local_files_only=True
            ).to(device)
    except (OSError, ValueError, TypeError, KeyError, RuntimeError, AttributeError) as error:
        raise ModelUnavailable(
            f"{folder} cannot be loaded as {title}; "
            f"check that its files belong together ({_first_line(error)})"
        ) from error
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def silence(pipeline_class: Any) -> None:
    """Warnings that quote what viewers ask for, which belongs in no log; what is cut off of a
    prompt is told to who asked."""
    drop_messages(pipeline_class.__module__, "The following part of your input was truncated")
    drop_messages("transformers.tokenization_utils_base", "Token indices sequence length is longer")


def with_own_state(pipeline: Any) -> Any:
    """A pipeline around the same modules, with schedulers (and guiders) of its own: they change
    while it runs."""
    own = copy.copy(pipeline)
    for name, part in pipeline.components.items():
        if isinstance(part, ConfigMixin) and not isinstance(part, torch.nn.Module):
            setattr(own, name, copy.deepcopy(part))
    return own


def modules_of(pipeline: Any) -> list[torch.nn.Module]:
    parts = pipeline.components.values()
    return [part for part in parts if isinstance(part, torch.nn.Module)]


def reporting(on_step: Callable[[int], None]) -> dict[str, Any]:
    """Arguments of a pipeline's call, after which it tells of each step that the device has
    finished, counted from 1."""

    def after_step(pipeline: Any, index: int, _time: Any, _tensors: Any) -> dict[str, Any]:
        finish(pipeline)
        on_step(index + 1)
        return {}

    return {"callback_on_step_end": after_step, "callback_on_step_end_tensor_inputs": []}


def finish(pipeline: Any) -> None:
    """Wait for the device: else queued steps would be counted."""
    if pipeline.device.type == "cuda":
        torch.cuda.synchronize(pipeline.device)


def settings_over(usual: ModelSettings, given: ModelSettings) -> ModelSettings:
    """The usual settings of such models, with what the model's own say put over them."""
    return usual.model_copy(update=given.model_dump(exclude_none=True))


def model_info(
    pipeline: Any, family: Family, settings: ModelSettings, model_id: str, **facts: Any
) -> ModelInfo:
    """`settings`: complete. `facts`: the factors, and what else the family knows.

    Raises `ModelUnavailable` for settings that ask for what this model cannot do.
    """
    values = settings.model_dump(exclude_none=True)
    names = {field.name for field in dataclasses.fields(GenerationDefaults)} & values.keys()
    info = ModelInfo(
        **{
            "model_id": model_id,
            "family": family.name,
            "state_kind": family.state_kind,
            "chunk_frames": values["chunk_frames"],
            "overlap_frames": values["overlap_frames"],
            "defaults": GenerationDefaults(**{name: values[name] for name in names}),
            "prompt_tokens": values.get("max_sequence_length"),
            "components": {
                name: type(part).__name__
                for name, part in pipeline.components.items()
                if part is not None
            },
            **facts,
        }
    )
    _check_info(info)
    return info


def _check_info(info: ModelInfo) -> None:
    for name in ("chunk_frames", "overlap_frames"):
        frames = getattr(info, name)
        if (frames - 1) % info.temporal_factor or frames > info.chunk_frames:
            raise ModelUnavailable(
                f"matinee.json: {name} must be {info.temporal_factor} x k + 1 "
                f"and at most chunk_frames, got {frames}"
            )
    try:
        check_request(info, with_defaults(info.defaults, prompt="", seed=0))
    except InvalidRequest as error:
        raise ModelUnavailable(f"matinee.json: {error}") from error


def to_uint8(video: torch.Tensor) -> torch.Tensor:
    """(1, 3, F, H, W) about -1..1 -> uint8 (F, H, W, 3), rounded as diffusers' PIL output is."""
    unit = (video[0] * 0.5).add_(0.5).clamp_(0, 1)
    # Planes stay planes in memory: colour conversion wants them so.
    return unit.float().mul_(255).round_().to(torch.uint8).permute(1, 2, 3, 0)


def to_rgb(frames: torch.Tensor) -> torch.Tensor:
    """uint8 (n, H, W, 3) -> float32 (n, 3, H, W) from 0 to 1."""
    return frames.permute(0, 3, 1, 2).float() / 255
