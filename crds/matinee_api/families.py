"""The engine families, one row each: the only place that says what they are.

From it come the choices in the configuration and the CRDs, the rules of sizes, the loader that a
model gets, the form of its continuation states, and `docs/families.md`. The code of a family is
`matinee.engine.families.NAME`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

Stream = Literal["video", "audio"]
StateForm = Literal["last frames"]
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
    `_class_name`s in `model_index.json` that it runs. `streams`: what it makes. `state_kind`,
    `state_form`: name and form of what a segment leaves to the next. `exact`: a segment from a
    state that was stored and sent is bit for bit the one from the state in memory.
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

FAMILIES = (LTX,)

FAMILY_OF_PIPELINE = {pipeline: row.name for row in FAMILIES for pipeline in row.pipelines}
"""`_class_name` in `model_index.json` -> name of the family."""

if TYPE_CHECKING:
    FamilyName = str
else:
    FamilyName = Literal[tuple(row.name for row in FAMILIES)]
"""What a configuration and a VideoModel may name."""
