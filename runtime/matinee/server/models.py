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
            message = f"there is no such model; present: {info.model_id}"
            return JSONResponse(_problem(message, "not_found"), HTTPStatus.NOT_FOUND)
        return JSONResponse(description(info, life.config, created))

    return router


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
    problem = _problem("the model is still being loaded", "model_not_ready")
    headers = {"retry-after": str(RETRY_AFTER_S)}
    return JSONResponse(problem, HTTPStatus.SERVICE_UNAVAILABLE, headers)


def _problem(message: str, code: str) -> dict[str, Any]:
    """As OpenAI's clients read it."""
    facts = {"message": message, "type": "invalid_request_error", "param": "model", "code": code}
    return {"error": facts}
