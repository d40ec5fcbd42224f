"""A job and its life, without I/O: what is asked, what became of it, and how it changes.

    queued ──begun──▶ in_progress ──done──▶ completed
      ▲  ◀──let_go──┘    │    └──failed──▶ failed
      └──────lost────────┘    (failed instead, when it was lost too often)

Every change takes a job and gives another one. Times are seconds since 1970.
"""

from __future__ import annotations

import secrets
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict

from matinee.generation import GenerationDefaults, SegmentRequest, with_defaults

MOST_ATTEMPTS = 3
"""Servers that may die while they make a job: after that it is the job, not the server."""


VIDEO_MIME = "video/mp4"


class Status(StrEnum):
    """As clients are told it."""

    QUEUED = "queued"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"


class _Stored(BaseModel):
    """A newer program may have written it."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Failure(_Stored):
    """`code` is for programs, `message` for people."""

    code: str
    message: str


class Order(_Stored):
    """What is asked, checked already. `seconds`: as the client is told. `input_mime`: of what lies
    beside it, if anything does: an image to begin with, or a video to go on from (`VIDEO_MIME`),
    of `frames_before` frames. `remixed_from`, `edited_from`, `extended_from`: the job that it was
    made of. `as_image`: its last picture is what is wanted."""

    model: str
    prompt: str
    seed: int
    seconds: str
    sampling: dict[str, Any]
    input_mime: str | None = None
    remixed_from: str | None = None
    edited_from: str | None = None
    extended_from: str | None = None
    frames_before: int = 0
    as_image: bool = False

    @property
    def request(self) -> SegmentRequest:
        return with_defaults(GenerationDefaults(**self.sampling), self.prompt, self.seed)

    @property
    def goes_on(self) -> bool:
        """Whether it begins with a video that was made before."""
        return self.frames_before > 0

    @property
    def num_frames(self) -> int:
        """Of the whole video: a segment shares its first frame with what it goes on from."""
        made = self.request.num_frames
        return self.frames_before + made - 1 if self.goes_on else made

    @property
    def work(self) -> int:
        """What it costs, in pixels times frames times steps."""
        asked = self.request
        return asked.width * asked.height * asked.num_frames * asked.num_inference_steps


class Job(_Stored):
    """`progress`: percent, 100 only of one that is completed. `holder`: the server that makes it.
    `nbytes`: of its files. `result`: which files are the job's, where several servers may have made
    some. `owner`: of the key that it was asked with; empty where there are no keys."""

    id: str
    order: Order
    created_at: float
    status: Status = Status.QUEUED
    progress: int = 0
    begun_at: float | None = None
    ended_at: float | None = None
    attempts: int = 0
    holder: str = ""
    failure: Failure | None = None
    nbytes: int = 0
    result: str = ""
    owner: str = ""

    @property
    def ended(self) -> bool:
        return self.status in (Status.COMPLETED, Status.FAILED)


def new_job(order: Order, now: float, owner: str = "") -> Job:
    return Job(id=f"video_{secrets.token_hex(16)}", order=order, created_at=now, owner=owner)


def begun(job: Job, holder: str, now: float) -> Job:
    changes = {"status": Status.IN_PROGRESS, "holder": holder, "begun_at": now}
    return job.model_copy(update={**changes, "attempts": job.attempts + 1})


def advanced(job: Job, percent: int) -> Job:
    """It never goes back: what was lost is made again, but was told already."""
    return job.model_copy(update={"progress": min(99, max(job.progress, percent))})


def done(job: Job, nbytes: int, now: float, result: str = "") -> Job:
    changes = {"status": Status.COMPLETED, "progress": 100, "ended_at": now, "nbytes": nbytes}
    return job.model_copy(update={**changes, "holder": "", "result": result})


def failed(job: Job, failure: Failure, now: float) -> Job:
    changes = {"status": Status.FAILED, "failure": failure, "ended_at": now, "holder": ""}
    return job.model_copy(update=changes)


def let_go(job: Job) -> Job:
    """By a server that ends in good order; that is no attempt."""
    return _queued_again(job, job.attempts - 1)


def lost(job: Job, now: float) -> Job:
    """Its server died."""
    if job.attempts < MOST_ATTEMPTS:
        return _queued_again(job, job.attempts)
    message = f"the server ended {job.attempts} times while it made this video"
    return failed(job, Failure(code="server_died", message=message), now)


def _queued_again(job: Job, attempts: int) -> Job:
    changes = {"status": Status.QUEUED, "holder": "", "begun_at": None, "attempts": attempts}
    return job.model_copy(update=changes)
