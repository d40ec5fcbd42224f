"""A video within one request, for clients that do not come back: who leaves stops it."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any

from fastapi import Request
from starlette.requests import ClientDisconnect

from matinee.jobs.record import Job
from matinee.jobs.service import JobService
from matinee.server.api_errors import ApiError, not_found
from matinee.server.video_answers import video_object

LOOK_EVERY_S = 0.1
MOST_INLINE_BYTES = 16 * 2**20
"""Of a video within JSON, before base64."""
FORMATS = ("url", "b64_json")


def format_asked(fields: dict[str, Any]) -> str:
    """Takes it out of the fields. Raises `ApiError`."""
    return one_of(fields, "response_format", FORMATS)


def one_of(fields: dict[str, Any], param: str, values: Sequence[str]) -> str:
    """A field that says one of these, the first where it is not there. Takes it out of the fields.
    Raises `ApiError`."""
    asked = fields.pop(param, None)
    asked = values[0] if asked is None else asked
    asked = str(asked).lower() if isinstance(asked, str | int) else ""
    if asked not in values:
        message = f"{param} must be one of {', '.join(values)}"
        raise ApiError(HTTPStatus.BAD_REQUEST, "invalid_value", message, param=param)
    return asked


async def until_ended(request: Request, jobs: JobService, job: Job, *, shared: bool) -> Job:
    """The job when it is over. When the client leaves before, it is deleted, unless it is `shared`
    with others. Raises `ApiError` when somebody else deletes it, and `ClientDisconnect`."""
    leaving = asyncio.create_task(_left(request))
    try:
        while True:
            placed = await jobs.placed(job.id)
            if placed is None:
                raise not_found(job.id)
            if placed.job.ended:
                return placed.job
            await asyncio.wait([leaving], timeout=LOOK_EVERY_S)
            if leaving.done():
                if not shared:
                    await jobs.delete(job.id)
                raise ClientDisconnect
    finally:
        leaving.cancel()
        await asyncio.wait([leaving])


def generation_object(job: Job, ttl_s: float, content: str, url: str) -> dict[str, Any]:
    """`content`: in base64, or nothing. Raises `ApiError` of a job that failed."""
    check_made(job)
    result = {"b64_json": content} if content else {"url": url}
    return {**video_object(job, ttl_s), "created": int(job.created_at), "data": [result]}


def check_made(job: Job) -> None:
    """Raises `ApiError` of a job that failed."""
    if job.failure is not None:
        status = HTTPStatus.UNPROCESSABLE_ENTITY  # a 5xx would be retried by clients
        raise ApiError(status, job.failure.code, job.failure.message)


def inline(path: Path) -> str:
    """Blocking. Raises `ApiError` when it is too large."""
    if path.stat().st_size > MOST_INLINE_BYTES:
        message = f"the video has more than {MOST_INLINE_BYTES} bytes; ask for response_format url"
        raise ApiError(
            HTTPStatus.UNPROCESSABLE_ENTITY, "video_too_large", message, param="response_format"
        )
    return base64.b64encode(path.read_bytes()).decode()


async def _left(request: Request) -> None:
    """Its body has been read, so that nothing else can come."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
