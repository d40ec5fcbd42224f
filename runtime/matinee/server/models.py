"""`GET /v1/models`: the model that is served, in OpenAI's form, and what may be asked of it.

The figures are those that requests are checked by, so that a client need not try them out. They are
known when the model is loaded: 503 until then.
"""

from __future__ import annotations

import dataclasses
import time
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from matinee.generation import ModelInfo
from matinee.server.api_errors import ApiError, answer_of
from matinee.server.lifecycle import Lifecycle
from matinee.session.reception import offered
from matinee_api.config.runtime_config import ServeConfig

OWNER = "matinee"
RETRY_AFTER_S = 5


def models_router(life: Lifecycle) -> APIRouter:
    router, created = APIRouter(), int(time.time())

    @router.get("/v1/models")
    async def listed() -> JSONResponse:
        info = life.pool.info
        if info is None:
            return _still_loading()
        one = description(info, life.config, created)
        return JSONResponse({"object": "list", "data": [one]})

    @router.get("/v1/models/{name:path}")
    async def single(name: str) -> JSONResponse:
        info = life.pool.info
        if info is None:
            return _still_loading()
        if name != info.model_id:
            message = f"there is no {name[:64]!r}; present: {info.model_id}"
            status = HTTPStatus.NOT_FOUND
            return answer_of(ApiError(status, "model_not_found", message, param="model"))
        return JSONResponse(description(info, life.config, created))

    @router.get("/v1/model_info")
    async def only() -> JSONResponse:
        info = life.pool.info
        return _still_loading() if info is None else JSONResponse(model_info(info, life.config))

    return router


def model_info(info: ModelInfo, config: ServeConfig) -> dict[str, Any]:
    """What SGLang's clients ask (`model_path`, `is_generation`), and FastVideo's, of the one model;
    the rest as `/v1/models` tells it."""
    told = description(info, config, 0)
    kept = ("family", "capabilities", "streams", "defaults", "limits")
    return {
        "id": info.model_id,
        "model_path": info.model_id,
        "is_generation": True,
        **{name: told[name] for name in kept},
    }


def description(info: ModelInfo, config: ServeConfig, created: int) -> dict[str, Any]:
    """`created`: when the server started, in seconds since 1970."""
    info = offered(info, config.streaming.limits, config.default_request)
    return {
        "id": info.model_id,
        "object": "model",
        "created": created,
        "owned_by": OWNER,
        "family": info.family,
        "capabilities": list(info.capabilities),
        "streams": ["video", *(["audio"] if info.audio else [])],
        "defaults": dataclasses.asdict(info.defaults),
        "prompts": {"enhancement": bool(config.streaming.prompt.enabled)},
        "limits": _limits(info, config),
    }


def _limits(info: ModelInfo, config: ServeConfig) -> dict[str, Any]:
    return {
        "size_multiple": info.spatial_factor,
        "frame_multiple": info.temporal_factor,
        "min_frames": info.temporal_factor + 1,
        "max_pixels": info.max_pixels,
        "max_frames": info.max_frames,
        "max_steps": info.max_steps,
        "max_work": info.max_work,
        "max_guidance_scale": info.max_guidance_scale,
        "prompt_characters": config.streaming.limits.prompt_characters,
        "queued_requests": config.streaming.limits.queued_requests,
    }


def _still_loading() -> JSONResponse:
    message, headers = "the model is still being loaded", {"retry-after": str(RETRY_AFTER_S)}
    status = HTTPStatus.SERVICE_UNAVAILABLE
    return answer_of(ApiError(status, "model_not_ready", message, param="model", headers=headers))
