"""What one request may ask for at most, declared once for the CRDs and the configuration.

Unset means: what the model's own defaults make sensible (`matinee.generation.service_limits`). The
smaller one counts where several say something: the model's code, a VideoModel, a StreamingService.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from matinee_api.limits import MAX_CLIP_FRAMES, MAX_DIMENSION, MAX_STEPS
from matinee_api.sampling import Fields


class RequestLimits(Fields):
    """Memory and time of a request grow with these, and other viewers wait for it meanwhile."""

    max_pixels: Annotated[int, Field(ge=1, le=MAX_DIMENSION**2)] | None = None
    """Width times height; unset: 4 times the default's."""
    max_frames: Annotated[int, Field(ge=1, le=MAX_CLIP_FRAMES)] | None = None
    """`num_frames` of a segment; unset: what the model can do."""
    max_steps: Annotated[int, Field(ge=1, le=MAX_STEPS)] | None = None
    """Denoising steps; unset: 100, or the default if that is more."""
    max_work: Annotated[int, Field(ge=1, le=2**60)] | None = None
    """Width times height times `num_frames` times steps; unset: 16 times the default's."""


def tightest(one: RequestLimits, other: RequestLimits) -> dict[str, int]:
    """Of each limit that one of them sets, the smaller value."""
    given = [(name, getattr(limits, name)) for limits in (one, other) for name in _NAMES]
    found: dict[str, int] = {}
    for name, value in given:
        if value is not None:
            found[name] = min(value, found.get(name, value))
    return found


_NAMES = tuple(RequestLimits.model_fields)
