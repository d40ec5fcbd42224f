"""The engine families, one row each: the only place that says what they are.

From it come the choices in the configuration and the CRDs, the rules of sizes, the loader that a
model gets, the form of its continuation states, `matinee families` and `docs/families.md`. The code
of a family is `matinee.engine.families.NAME`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

Stream = Literal["video", "audio"]
StateForm = Literal["last frames", "last frames and sound"]
Capability = Literal["text", "image", "continuation"]

CAPABILITIES: dict[Capability, str] = {
    "text": "a video from a prompt",
    "image": "a video whose first frame is a given image",
    "continuation": "a segment that goes on from the one before, with another prompt if wanted",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One row.

    `size_factor`: width and height are multiples of it; a model may want more. `pipelines`: the
    `_class_name`s in `model_index.json` that it runs without being named. `streams`: what it makes.
    `state_kind`, `state_form`: name and form of what a segment leaves to the next. `exact`: a
    segment from a state that was stored and sent is bit for bit the one from the state in memory.
    `capabilities`: of all its models together. `notes`: what differs from model to model, in
    sentences for people.
    """

    name: str
    title: str
    size_factor: int
    pipelines: tuple[str, ...]
    streams: tuple[Stream, ...]
    state_kind: str
    state_form: StateForm
    exact: bool
    capabilities: tuple[Capability, ...]
    notes: tuple[str, ...] = ()

    @property
    def is_named(self) -> bool:
        """It runs what a configuration names it for, and nothing else."""
        return not self.pipelines


_NO_WARMUP = (
    "In a cluster set `warmup.policy: None` for them: the warm-up Job has no image yet, while each "
    "pod warms up with a grey one."
)

LTX = Family(
    name="ltx",
    title="LTX-Video",
    size_factor=32,
    pipelines=("LTXPipeline", "LTXImageToVideoPipeline", "LTXConditionPipeline"),
    streams=("video",),
    state_kind="ltx.v1",
    state_form="last frames",
    exact=True,
    capabilities=("text", "image", "continuation"),
)

LTX2 = Family(
    name="ltx2",
    title="LTX-2, with sound",
    size_factor=32,
    pipelines=("LTX2Pipeline", "LTX2ImageToVideoPipeline", "LTX2ConditionPipeline"),
    streams=("video", "audio"),
    state_kind="ltx2.v1",
    state_form="last frames and sound",
    exact=True,
    capabilities=("text", "image", "continuation"),
    notes=(
        "A guidance_scale of 1 switches off all kinds of guidance, as distilled models want it.",
    ),
)

WAN = Family(
    name="wan",
    title="Wan 2.1 and 2.2",
    size_factor=16,
    pipelines=("WanPipeline", "WanImageToVideoPipeline"),
    streams=("video",),
    state_kind="wan.v1",
    state_form="last frames",
    exact=True,
    capabilities=("text", "image", "continuation"),
    notes=(
        "TI2V models (such as Wan2.2-TI2V-5B) can do all three.",
        "T2V models take no image; they go on from the last frames, whose latents are held in "
        "place while the rest is denoised.",
        "I2V models need an image to begin with; they go on from the last frame. " + _NO_WARMUP,
        "Width and height of TI2V-5B are multiples of 32.",
    ),
)

CLIP = Family(
    name="clip",
    title="any other pipeline of diffusers that makes videos",
    size_factor=16,
    pipelines=(),
    streams=("video",),
    state_kind="clip.v1",
    state_form="last frames",
    exact=True,
    capabilities=("text", "image", "continuation"),
    notes=(
        "Pipelines that take an image go on from the last frame; those that take a prompt alone "
        "make one clip and cannot go on from it.",
        "ImageToVideo and VideoToWorld pipelines need an image to begin with. " + _NO_WARMUP,
        "Defaults are those of the pipeline; `matinee.json` in the model's folder says others.",
    ),
)

FAMILIES = (LTX, LTX2, WAN, CLIP)

FAMILY_OF_PIPELINE = {pipeline: row.name for row in FAMILIES for pipeline in row.pipelines}
"""`_class_name` in `model_index.json` -> name of the family that runs it without being named."""

NAMED_FAMILIES = frozenset(row.name for row in FAMILIES if row.is_named)
"""Those that run whatever pipeline they are named for."""

if TYPE_CHECKING:
    FamilyName = str
else:
    FamilyName = Literal[tuple(row.name for row in FAMILIES)]
"""What a configuration and a VideoModel may name."""
