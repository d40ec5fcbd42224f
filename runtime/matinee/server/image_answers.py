"""How a client wants its picture, and what it is answered, in OpenAI's form."""

from __future__ import annotations

import base64
import io
import json
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from PIL import Image

from matinee.jobs.record import Job
from matinee.server.api_errors import ApiError
from matinee.server.event_stream import Event
from matinee.server.waiting import one_of

FORMS = ("png", "jpeg", "webp")
QUALITY = 90
USUAL = {
    "n": ("1",),
    "background": ("auto", "opaque"),
    "moderation": ("auto", "low"),
    "quality": ("auto", "standard", "high", "medium", "low", "hd"),
    "input_fidelity": ("high", "low"),
}
"""What clients send besides, with the values that this server takes; they have no other effect."""
NO_TOKENS = {
    "input_tokens": 0,
    "input_tokens_details": {"image_tokens": 0, "text_tokens": 0},
    "output_tokens": 0,
    "total_tokens": 0,
}
"""Nothing is counted in tokens here; OpenAI's clients want the field."""


@dataclass(frozen=True, slots=True)
class Form:
    """`kind`: of `FORMS`. `quality`: 1-100, of those with loss."""

    kind: str
    quality: int
    as_url: bool
    stream: bool


def form_asked(fields: dict[str, Any]) -> Form:
    """Takes out of the fields what is not about the picture itself. Raises `ApiError`."""
    for param, values in USUAL.items():
        one_of(fields, param, values)
    if fields.get("size") == "auto":
        fields.pop("size")
    form = Form(
        one_of(fields, "output_format", FORMS),
        _quality(fields),
        one_of(fields, "response_format", ("b64_json", "url")) == "url",
        one_of(fields, "stream", ("false", "true")) == "true",
    )
    if str(fields.pop("partial_images", 0)) not in ("0", "None"):
        raise _wrong("partial_images", "must be 0: no model here shows pictures that are half done")
    if form.as_url and form.kind != "png":
        raise _wrong("output_format", "must be png with response_format url")
    if form.as_url and form.stream:
        raise _wrong("response_format", "must be b64_json with stream")
    return form


def encoded(path: Path, form: Form) -> str:
    """In base64. Blocking."""
    if form.kind == "png":
        return base64.b64encode(path.read_bytes()).decode()
    made = io.BytesIO()
    with Image.open(path) as image:
        image.save(made, form.kind.upper(), quality=form.quality)
    return base64.b64encode(made.getvalue()).decode()


def image_object(job: Job, form: Form, content: str) -> dict[str, Any]:
    return {**_told(job, form), "data": [{"b64_json": content}]}


def url_object(job: Job, form: Form, url: str) -> dict[str, Any]:
    return {**_told(job, form), "data": [{"url": url}]}


def completed(job: Job, form: Form, kind: str, content: str) -> Event:
    """`kind`: image_generation or image_edit."""
    told = _told(job, form)
    facts = {
        "type": f"{kind}.completed",
        "b64_json": content,
        "created_at": told["created"],
        "background": "opaque",
        "output_format": form.kind,
        "quality": "auto",
        "size": told["size"],
        "usage": NO_TOKENS,
    }
    return Event(f"{kind}.completed", json.dumps(facts).encode())


def _told(job: Job, form: Form) -> dict[str, Any]:
    size = f"{job.order.request.width}x{job.order.request.height}"
    return {"created": int(job.created_at), "output_format": form.kind, "size": size}


def _quality(fields: dict[str, Any]) -> int:
    asked = str(fields.pop("output_compression", None) or QUALITY)
    if not (asked.isascii() and asked.isdigit() and int(asked[:9]) <= 100):
        raise _wrong("output_compression", "must be from 0 to 100")
    return max(1, int(asked))


def _wrong(param: str, problem: str) -> ApiError:
    return ApiError(HTTPStatus.BAD_REQUEST, "invalid_value", f"{param} {problem}", param=param)
