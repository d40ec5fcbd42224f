"""A continuation state on the wire: `{kind, payload}`, JSON with the frames as base64 PNG.

What leaves here comes back from clients that nobody vouches for, so reading checks everything
before a pixel is decoded. Lossless both ways. Both directions are slow (a few milliseconds for
each 480p frame): call them in a thread. No torch.
"""

from __future__ import annotations

import base64
import io
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from pydantic import BaseModel, ConfigDict, FailFast, Field, ValidationError

from matinee.errors import InvalidState
from matinee.generation import MAX_SEED, ContinuationState
from matinee.media.images import DAMAGE
from matinee.wire import base64_text
from matinee_api.config.problems import sentence_of

LTX_V1 = "ltx.v1"
KINDS = frozenset({LTX_V1})
"""Kinds whose payload is this one: the last frames shown."""
MAX_FRAMES = 33
"""Frames in a state; no model takes over more."""
MAX_PROMPTS = 64
"""Prompts that a state remembers, the last ones."""
MAX_PIXELS = 1920 * 1088
"""Width x height of a frame, as `ModelInfo.max_pixels`."""


MAX_PROMPT_CHARACTERS = 8192
"""Of each prompt; the rest of a longer one is left out."""
MAX_KEYS = 64
"""In a payload, before it is looked at: an error for each of millions takes minutes."""

Prompt = Annotated[str, Field(max_length=MAX_PROMPT_CHARACTERS)]


class _Payload(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    schema_version: int = Field(ge=1, le=1)
    width: int = Field(ge=1, le=MAX_PIXELS)
    height: int = Field(ge=1, le=MAX_PIXELS)
    frames_b64: Annotated[list[str], FailFast()] = Field(min_length=1, max_length=MAX_FRAMES)
    segment_index: int = Field(ge=0, lt=2**31)
    seed: int = Field(ge=0, le=MAX_SEED)
    prompts: Annotated[list[Prompt], FailFast()] = Field(max_length=MAX_PROMPTS)


def state_to_wire(state: ContinuationState) -> dict[str, Any]:
    """`{"kind": str, "payload": dict}`, ready for `json.dumps`."""
    payload = _Payload(
        schema_version=1,
        width=state.frames.shape[2],
        height=state.frames.shape[1],
        frames_b64=[_encoded(frame) for frame in state.frames],
        segment_index=state.segment_index,
        seed=state.seed,
        prompts=[prompt[:MAX_PROMPT_CHARACTERS] for prompt in state.prompts[-MAX_PROMPTS:]],
    )
    return {"kind": state.kind, "payload": payload.model_dump()}


def state_from_wire(kind: str, payload: dict[str, Any]) -> ContinuationState:
    """Read what `state_to_wire` wrote, or raise `InvalidState` with what is wrong."""
    if kind not in KINDS:
        raise InvalidState(f"unknown kind {kind[:64]!r}; known: {', '.join(sorted(KINDS))}")
    if len(payload) > MAX_KEYS:
        raise InvalidState(f"payload: {len(payload)} keys; at most {MAX_KEYS} are allowed")
    try:
        checked = _Payload.model_validate(payload)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(["payload", *map(str, first["loc"])])
        raise InvalidState(f"{place}: {sentence_of(first)}") from error
    if checked.width * checked.height > MAX_PIXELS:
        raise InvalidState(f"payload.width x payload.height: at most {MAX_PIXELS} pixels")
    frames = [
        _decoded(text, checked.width, checked.height, f"payload.frames_b64.{index}")
        for index, text in enumerate(checked.frames_b64)
    ]
    return ContinuationState(
        kind=kind,
        frames=np.stack(frames),
        segment_index=checked.segment_index,
        seed=checked.seed,
        prompts=tuple(checked.prompts),
    )


def _encoded(frame: npt.NDArray[np.uint8]) -> str:
    file = io.BytesIO()
    Image.fromarray(frame).save(file, "PNG", compress_level=1)
    return base64.b64encode(file.getvalue()).decode("ascii")


def _decoded(text: str, width: int, height: int, place: str) -> npt.NDArray[np.uint8]:
    """(height, width, 3). The file's own size is compared before its pixels are decoded."""
    try:
        file = io.BytesIO(base64_text.decoded(text))
    except ValueError as error:
        raise InvalidState(f"{place}: this is not base64") from error
    try:
        image = Image.open(file, formats=["PNG"])
        if image.size == (width, height) and image.mode == "RGB":
            return np.array(image, dtype=np.uint8)
    except (*DAMAGE, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise InvalidState(f"{place}: this is not a whole PNG image") from error
    raise InvalidState(f"{place}: this is not an RGB image of {width}x{height} pixels")
