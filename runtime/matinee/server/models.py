"""`GET /v1/models`: the model that is served, in OpenAI's form, and what may be asked of it.

The figures are those that requests are checked by, so that a client need not try them out.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from matinee.generation import ModelInfo
from matinee.session.reception import offered
from matinee_api.config.runtime_config import ServeConfig
from matinee_api.families import FAMILIES

OWNER = "matinee"
RETRY_AFTER_S = 5


def model(info: ModelInfo, config: ServeConfig, created: int) -> dict[str, Any]:
    """`created`: when the server started, in seconds since 1970."""
    limits = config.streaming.limits
    info = offered(info, limits, config.default_request)
    family = next((row for row in FAMILIES if row.name == info.family), None)
    return {
        "id": info.model_id,
        "object": "model",
        "created": created,
        "owned_by": OWNER,
        "family": info.family,
        "capabilities": list(family.capabilities) if family else [],
        "streams": ["video", *(["audio"] if info.audio else [])],
        "defaults": dataclasses.asdict(info.defaults),
        "limits": {
            "max_pixels": info.max_pixels,
            "min_frames": info.temporal_factor + 1,
            "max_frames": info.max_frames,
            "max_steps": info.max_steps,
            "max_work": info.max_work,
            "max_guidance_scale": info.max_guidance_scale,
            "size_multiple": info.spatial_factor,
            "frame_multiple": info.temporal_factor,
            "prompt_characters": limits.prompt_characters,
            "queued_requests": limits.queued_requests,
        },
    }


def model_list(models: list[dict[str, Any]]) -> dict[str, Any]:
    return {"object": "list", "data": models}


def error(message: str, code: str) -> dict[str, Any]:
    """As OpenAI's clients read it."""
    return {
        "error": {
            "message": message,
            "type": "invalid_request_error",
            "param": "model",
            "code": code,
        }
    }
