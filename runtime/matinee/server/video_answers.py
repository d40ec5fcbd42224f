"""What clients are told of jobs, in OpenAI's form, and the jobs' files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any

from fastapi import Request, Response
from fastapi.responses import FileResponse
from starlette.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send

from matinee.jobs.ledger import Direction
from matinee.jobs.record import Job, Status
from matinee.jobs.workshop import VARIANTS
from matinee.server.api_errors import ApiError, answer_of, not_found

PAGE, LARGEST_PAGE = 20, 100
KEPT_BY_AN_EDIT = "of the edited video its first picture is kept; the rest is made anew from it"
DIRECTIONS: tuple[Direction, ...] = ("asc", "desc")


def video_object(job: Job, ttl_s: float) -> dict[str, Any]:
    """Times in seconds since 1970. `fps` to `seed` are ours, for who wants the same again, and so
    are `notes`: what somebody might not expect of it."""
    order, request = job.order, job.order.request
    ended_at = None if job.ended_at is None else int(job.ended_at)
    return {
        "id": job.id,
        "object": "video",
        "model": order.model,
        "status": job.status.value,
        "progress": job.progress,
        "created_at": int(job.created_at),
        "completed_at": ended_at if job.status is Status.COMPLETED else None,
        "expires_at": None if job.ended_at is None else int(job.ended_at + ttl_s),
        "error": job.failure.model_dump() if job.failure else None,
        "prompt": order.prompt,
        "remixed_from_video_id": order.remixed_from,
        "edited_from_video_id": order.edited_from,
        "extended_from_video_id": order.extended_from,
        "seconds": order.seconds,
        "size": f"{request.width}x{request.height}",
        "fps": request.fps,
        "num_frames": order.num_frames,
        "num_inference_steps": request.num_inference_steps,
        "guidance_scale": request.guidance_scale,
        "negative_prompt": request.negative_prompt,
        "seed": request.seed,
        "notes": [KEPT_BY_AN_EDIT] if order.edited_from else [],
    }


def page_object(jobs: Sequence[Job], ttl_s: float, *, more: bool) -> dict[str, Any]:
    return {
        "object": "list",
        "data": [video_object(job, ttl_s) for job in jobs],
        "first_id": jobs[0].id if jobs else None,
        "last_id": jobs[-1].id if jobs else None,
        "has_more": more,
    }


def page_asked(request: Request) -> tuple[str | None, int, Direction]:
    """After which job, how many, in which order. Raises `ApiError`."""
    asked = request.query_params
    limit = asked.get("limit", str(PAGE))
    if not (limit.isascii() and limit.isdigit() and 1 <= int(limit[:9]) <= LARGEST_PAGE):
        raise _wrong("limit", f"must be from 1 to {LARGEST_PAGE}")
    direction = next((one for one in DIRECTIONS if one == asked.get("order", "desc")), None)
    if direction is None:
        raise _wrong("order", f"must be one of {', '.join(DIRECTIONS)}")
    return asked.get("after"), int(limit), direction


def variant_asked(request: Request) -> str:
    """Raises `ApiError`."""
    name = request.query_params.get("variant", "video")
    if name not in VARIANTS:
        raise _wrong("variant", f"must be one of {', '.join(VARIANTS)}")
    return name


def not_ready(
    job: Job, param: str = "video_id", status: HTTPStatus = HTTPStatus.NOT_FOUND
) -> ApiError:
    """Of a file that there is not."""
    if job.failure is not None:
        message = f"this video could not be made: {job.failure.message}"
        return ApiError(status, "video_failed", message, param=param)
    message = f"this video is {job.status.value}; its files are there when it is completed"
    return ApiError(status, "video_not_ready", message, param=param)


def no_image() -> ApiError:
    return _wrong("variant", "image is of what /v1/images made; take thumbnail")


def file_answer(
    request: Request, path: Path, facts: os.stat_result, video_id: str, name: str
) -> Response:
    """Whole or in ranges. A job's files never change, so that its id is their version."""
    variant = VARIANTS[name]
    tag = f'"{video_id}-{name}"'
    headers = {"etag": tag, "cache-control": "private, max-age=3600"}
    known = [one.strip().removeprefix("W/") for one in _list(request, "if-none-match")]
    if tag in known or "*" in known:
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return JobFile(
        path,
        media_type=variant.mime,
        headers=headers,
        stat_result=facts,
        filename=f"{video_id}{path.suffix}",
        content_disposition_type="inline",
    )


class JobFile(FileResponse):
    """One that may be deleted at any time: it is open before its head is sent, and read to its end
    under a name that stays."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            held = await run_in_threadpool(os.open, self.path, os.O_RDONLY)
        except FileNotFoundError:
            gone = not_found(scope["path_params"]["video_id"])
            await answer_of(gone)(scope, receive, send)
            return
        try:
            self.path = f"/proc/self/fd/{held}"
            await super().__call__(scope, receive, send)
        finally:
            os.close(held)


def _list(request: Request, header: str) -> list[str]:
    return request.headers.get(header, "").split(",")


def _wrong(param: str, problem: str) -> ApiError:
    return ApiError(HTTPStatus.BAD_REQUEST, "invalid_value", f"{param} {problem}", param=param)
