"""Any pipeline of diffusers that makes a video of a prompt, or of an image and a prompt.

It is called as it is, with the arguments that its signature has, and decodes by itself: a cancel
waits for a running decode. What takes an image goes on from the last frame.
"""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import diffusers
import numpy as np
import torch
from PIL import Image

from matinee.engine.pipelines import (
    finish,
    load_pipeline,
    model_info,
    modules_of,
    reporting,
    settings_over,
    with_own_state,
)
from matinee.engine.prompts import characters_read
from matinee.engine.windows import Part, Window, WindowRun
from matinee.errors import InvalidRequest, ModelUnavailable
from matinee.generation import SegmentRequest, State
from matinee.weights.model_folder import ModelFolder, ModelSettings
from matinee_api.families import CLIP, FAMILIES, Capability

Parameters = Mapping[str, inspect.Parameter]

_FRAMES = ("num_frames", "frames", "video_length")
"""What pipelines call the length of a clip."""
_NEEDS_IMAGE = re.compile(r"ImageToVideo|VideoToWorld|I2V")
_SPATIAL = (
    "vae_spatial_compression_ratio",
    "vae_scale_factor_spatial",
    "vae_spatial_scale_factor",
    "vae_scale_factor",
)
_TEMPORAL = (
    "vae_temporal_compression_ratio",
    "vae_scale_factor_temporal",
    "vae_temporal_scale_factor",
)
_FALLBACK: dict[str, Any] = {
    "width": 832,
    "height": 480,
    "num_frames": 49,
    "fps": 16,
    "num_inference_steps": 50,
    "guidance_scale": 1.0,
}
"""Where the signature names no number."""


def load(
    folder: ModelFolder, model_id: str, device: torch.device, dtype: torch.dtype
) -> ClipFamily:
    """As the class that `model_index.json` names, if it is one of diffusers."""
    made = getattr(diffusers, folder.pipeline_class, None)
    if not (inspect.isclass(made) and issubclass(made, diffusers.DiffusionPipeline)):
        raise ModelUnavailable(
            f"{folder.path}: diffusers {diffusers.__version__} has no {folder.pipeline_class}"
        )
    check_callable(made)
    title = f"a {folder.pipeline_class}"
    return ClipFamily(
        load_pipeline(made, folder.path, device, dtype, title), folder.settings, model_id
    )


def check_callable(pipeline_class: Any) -> None:
    """Raise `ModelUnavailable` for what wants more than a prompt and an image, or makes no
    video."""
    given = parameters_of(pipeline_class)
    missing = {"prompt", "num_inference_steps", "generator"} - given.keys()
    more = [
        name
        for name, one in given.items()
        if one.default is inspect.Parameter.empty
        and one.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
        and name not in ("prompt", "image")
    ]
    if missing or more or not _name_of_frames(given):
        wants = f" (it wants {', '.join(more)})" if more else ""
        raise ModelUnavailable(
            f"{pipeline_class.__name__} does not make a video of a prompt or an image alone"
            f"{wants}; the family clip runs pipelines that do"
        )


def parameters_of(pipeline_class: Any) -> Parameters:
    """Of its call."""
    parameters = dict(inspect.signature(pipeline_class.__call__).parameters)
    del parameters["self"]
    return parameters


def _name_of_frames(given: Parameters) -> str | None:
    return next((name for name in _FRAMES if name in given), None)


class ClipFamily:
    """A loaded pipeline. Its modules are shared by all runs."""

    def __init__(self, pipeline: Any, given: ModelSettings, model_id: str) -> None:
        self._pipeline = pipeline
        self._given = parameters_of(type(pipeline))
        spatial, temporal = _spatial_factor(pipeline), _first_of(pipeline, _TEMPORAL)
        settings = settings_over(_usual(self._given, spatial, temporal), given)
        capabilities = _capabilities(type(pipeline).__name__, self._given)
        facts: dict[str, Any] = {}
        if "continuation" not in capabilities:
            facts["max_frames"] = settings.chunk_frames
        if getattr(pipeline, "tokenizer", None) is None:
            facts["prompt_tokens"] = None
        self.info = model_info(
            pipeline,
            CLIP,
            settings,
            model_id,
            spatial_factor=spatial,
            temporal_factor=temporal,
            capabilities=capabilities,
            **facts,
        )
        self.modules = modules_of(pipeline)

    def characters_read(self, prompt: str) -> int:
        if self.info.prompt_tokens is None:
            return len(prompt)
        return characters_read(self._pipeline.tokenizer, prompt, self.info.prompt_tokens)

    def begin(self, request: SegmentRequest, state: State | None) -> WindowRun:
        sampler = ClipSampler(self._pipeline, self._given, request, self.info.prompt_tokens)
        return WindowRun(self.info, sampler, request, state)


def _spatial_factor(pipeline: Any) -> int:
    """What the VAE and the transformer divide by, and what a family that knows the class asks."""
    config = getattr(getattr(pipeline, "transformer", None), "config", {})
    patch = config.get("patch_size") or 1
    patch = patch if isinstance(patch, int) else patch[-1]
    known = [row.size_factor for row in FAMILIES if type(pipeline).__name__ in row.pipelines]
    return math.lcm(CLIP.size_factor, _first_of(pipeline, _SPATIAL) * patch, *known)


def _first_of(pipeline: Any, names: tuple[str, ...]) -> int:
    return next((int(getattr(pipeline, name)) for name in names if hasattr(pipeline, name)), 1)


def _usual(given: Parameters, spatial: int, temporal: int) -> ModelSettings:
    """The defaults of the call, made to fit the factors."""

    def default(*names: str) -> Any:
        values = (given[name].default for name in names if name in given)
        return next((value for value in values if isinstance(value, int | float)), None)

    called = {"num_frames": _FRAMES, "fps": ("frame_rate", "fps")}
    said = {name: default(*called.get(name, (name,))) for name in _FALLBACK}
    values = _FALLBACK | {
        name: value if name == "guidance_scale" else int(value)
        for name, value in said.items()
        if value is not None
    }
    for side in ("width", "height"):
        values[side] = max(spatial, values[side] // spatial * spatial)
    values["num_frames"] = (values["num_frames"] - 1) // temporal * temporal + 1
    return ModelSettings(
        **values,
        family=CLIP.name,
        max_sequence_length=default("max_sequence_length"),
        chunk_frames=values["num_frames"],
        overlap_frames=1,
    )


def _capabilities(class_name: str, given: Parameters) -> tuple[Capability, ...]:
    if "image" not in given:
        return ("text",)
    able: tuple[Capability, ...] = ("image", "continuation")
    return able if _NEEDS_IMAGE.search(class_name) else ("text", *able)


class ClipSampler:
    """Makes the windows of one segment. See `windows.Sampler`."""

    def __init__(
        self, pipeline: Any, given: Parameters, request: SegmentRequest, max_tokens: int | None
    ) -> None:
        self._pipeline = pipeline
        self._given = given
        self._request = request
        self._max_tokens = max_tokens

    @torch.no_grad()
    def sample(self, window: Window, on_step: Callable[[int], None]) -> Iterator[Part]:
        """One call."""
        pipeline = with_own_state(self._pipeline)
        steps = self._request.num_inference_steps
        answer = pipeline(
            prompt=self._request.prompt,
            num_inference_steps=steps,
            # On the CPU, so that the noise is the same on every device.
            generator=torch.Generator("cpu").manual_seed(window.noise_seed),
            output_type="np",
            **self._what_it_takes(window.frames),
            **_image(window.known),
            **self._reporting(pipeline, lambda step: on_step(min(step, steps))),
        )
        video = np.asarray(answer.frames)[0]
        self._check(video.shape, window.frames)
        yield Part(torch.from_numpy((video * 255).round().astype(np.uint8)))

    def _what_it_takes(self, frames: int) -> dict[str, Any]:
        request = self._request
        wanted: dict[str | None, Any] = {
            "width": request.width,
            "height": request.height,
            _name_of_frames(self._given): frames,
            "frame_rate": request.fps,
            "guidance_scale": request.guidance_scale,
            "use_resolution_binning": False,  # the size is as it was asked for
            "max_sequence_length": self._max_tokens,
        }
        if request.negative_prompt:
            wanted["negative_prompt"] = request.negative_prompt
        return {
            name: value
            for name, value in wanted.items()
            if name is not None and name in self._given and value is not None
        }

    def _reporting(self, pipeline: Any, on_step: Callable[[int], None]) -> dict[str, Any]:
        """By the pipeline's callback, or else by its scheduler, which is its own."""
        if "callback_on_step_end" in self._given:
            return reporting(on_step)
        step, done = pipeline.scheduler.step, 0

        def counted(*args: Any, **options: Any) -> Any:
            nonlocal done
            answer = step(*args, **options)
            finish(pipeline)
            done += 1
            on_step(done)
            return answer

        pipeline.scheduler.step = counted
        return {}

    def _check(self, shape: tuple[int, ...], wanted: int) -> None:
        """Raise `InvalidRequest` for a video that is not as it was asked for."""
        frames, height, width = shape[:3]
        request = self._request
        if (width, height) != (request.width, request.height):
            problem = f"and height: this pipeline makes {width}x{height} of it; ask for that"
            raise InvalidRequest("width", problem)
        if frames != wanted:
            raise InvalidRequest(
                "num_frames", f"this pipeline makes {frames} of {wanted}; ask for that"
            )


def _image(known: torch.Tensor) -> dict[str, Any]:
    return {"image": Image.fromarray(known[-1].cpu().numpy())} if len(known) else {}
