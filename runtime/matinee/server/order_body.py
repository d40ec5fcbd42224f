"""What a client sends with an order, JSON or a form: fields, and files that go to the disk as they
come.

Bytes are counted against what all clients together may have on their way, wherever they are kept.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

from starlette.requests import Request

from matinee.errors import InvalidRequest
from matinee.jobs.picture import PARAM
from matinee.jobs.service import JobService
from matinee.server.api_errors import ApiError
from matinee.serving.byte_budget import Share
from matinee.serving.multipart import FormReader, Malformed, Part

MOST_PARTS = 64
"""Of a form."""
IMAGES = (PARAM, "image")
"""Files that may be given by a URL too."""

Fetch = Callable[[str, str, Callable[[bytes], Awaitable[None]]], Awaitable[None]]
"""From a URL, the field that it is the value of, and what takes the pieces of what is there."""


@dataclass(slots=True)
class OrderBody:
    """`fields` without the file. `file`: what was sent as one, at `place`; without one a file may
    be put there. `digest`: of all that was sent, in whatever form."""

    place: Path
    fields: dict[str, Any] = field(default_factory=dict)
    file: Path | None = None
    digest: str = ""


@asynccontextmanager
async def order_body(
    request: Request, jobs: JobService, fetch: Fetch, takes: str | None = PARAM
) -> AsyncIterator[OrderBody]:
    """`takes`: name of the one file that may come, None where none may. What is at its place, and
    was taken by nobody, is gone at the end. `fetch`: for URLs instead of a file. Raises `ApiError`,
    `InvalidRequest`, `Malformed`, `OverBudget`, `JobsUnavailable` and what `fetch` raises."""
    share = jobs.unfinished.share()
    file = jobs.uploads / f"upload-{secrets.token_hex(8)}"
    reading = _Reading(request, jobs, share, file, fetch, takes)
    try:
        yield await reading.body()
    finally:
        share.hold(0)
        await jobs.in_disk_thread(partial(file.unlink, missing_ok=True))


class _Reading:
    def __init__(
        self,
        request: Request,
        jobs: JobService,
        share: Share,
        file: Path,
        fetch: Fetch,
        takes: str | None,
    ) -> None:
        self._request, self._jobs, self._share, self._file = request, jobs, share, file
        self._fetch, self._takes = fetch, takes
        self._digest = hashlib.sha256()
        self._bytes = self._kept = 0
        self._has_file = False

    async def body(self) -> OrderBody:
        content_type = self._request.headers.get("content-type", "application/json")
        kind = content_type.partition(";")[0].strip().lower()
        if kind == "multipart/form-data":
            fields = await self._form(FormReader(content_type))
        elif kind == "application/json":
            fields = await self._json()
        else:
            message = (
                f"{kind[:64]!r} is not read here; send application/json or multipart/form-data"
            )
            raise ApiError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", message)
        if self._takes in IMAGES:
            await self._take_reference(fields, self._takes)
        self._digest.update(json.dumps(fields, sort_keys=True).encode())
        file = self._file if self._has_file else None
        return OrderBody(self._file, fields, file, self._digest.hexdigest())

    async def _pieces(self) -> AsyncIterator[bytes]:
        async for piece in self._request.stream():
            self._bytes += len(piece)
            if self._bytes > self._jobs.config.upload_bytes:
                raise _too_long(f"a body may have {self._jobs.config.upload_bytes} bytes")
            self._share.hold(self._bytes)
            yield piece

    def _keep(self, nbytes: int) -> None:
        self._kept += nbytes
        if self._kept > self._jobs.config.form_bytes:
            most = self._jobs.config.form_bytes
            raise _too_long(f"JSON, and a form without its files, may have {most} bytes")

    async def _json(self) -> dict[str, Any]:
        text = bytearray()
        async for piece in self._pieces():
            self._keep(len(piece))
            text += piece
        try:
            fields = json.loads(text)
        except (ValueError, RecursionError):
            fields = None
        if not isinstance(fields, dict):
            raise ApiError(HTTPStatus.BAD_REQUEST, "invalid_json", "the body is no JSON object")
        return fields

    async def _form(self, reader: FormReader) -> dict[str, Any]:
        texts: list[tuple[str, bytearray]] = []
        part: Part | None = None
        parts = 0
        async for piece in self._pieces():
            for got in reader.feed(piece):
                if isinstance(got, Part):
                    part, parts = got, parts + 1
                    self._begin(part, parts)
                    if part.is_file:
                        await self._write(b"")  # it may be empty
                    else:
                        texts.append((part.name, bytearray()))
                elif part is not None and part.is_file:
                    await self._write_upload(got)
                else:
                    self._keep(len(got))
                    texts[-1][1].extend(got)
        if not reader.complete:
            raise Malformed("the form ends before its last boundary")
        return _nested(texts)

    def _begin(self, part: Part, number: int) -> None:
        if number > MOST_PARTS:
            raise Malformed(f"a form may have {MOST_PARTS} parts")
        if not part.is_file:
            return
        name = part.name.removesuffix("[]")
        if name != self._takes:
            taken = f"only {self._takes} is" if self._takes else "nothing is here"
            raise InvalidRequest(name[:64], f"is not taken as a file; {taken}")
        if self._has_file:
            raise _several(name)
        self._has_file = True

    async def _write_upload(self, piece: bytes) -> None:
        self._digest.update(piece)
        await self._write(piece)

    async def _write(self, piece: bytes) -> None:
        await self._jobs.in_disk_thread(partial(_append, self._file, piece))

    async def _take_reference(self, fields: dict[str, Any], param: str) -> None:
        """What the fields hold instead of a file, as a URL, becomes one."""
        reference = fields.pop(param, None)
        if reference is None:
            return
        if self._has_file:
            raise _several(param)
        url = reference.get("image_url") if isinstance(reference, dict) else reference
        if not isinstance(url, str):
            problem = 'must be a file, or {"image_url": "data:image/png;base64,..."}'
            raise InvalidRequest(param, problem)
        self._has_file = True
        if url.startswith("data:"):
            await self._write_upload(_decoded(url, param))
        else:
            self._digest.update(url.encode(errors="replace"))
            await self._write(b"")  # there may be nothing
            await self._fetch(url, param, self._write_fetched)

    async def _write_fetched(self, piece: bytes) -> None:
        self._bytes += len(piece)
        self._share.hold(self._bytes)
        await self._write(piece)


def _several(param: str) -> InvalidRequest:
    return InvalidRequest(param, "one file is taken, not several", joint=": ")


def _decoded(url: str, param: str) -> bytes:
    head, comma, data = url.partition(",")
    if not (comma and head.endswith(";base64")):
        raise InvalidRequest(param, "must be data:image/TYPE;base64,DATA")
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidRequest(param, "is not base64") from None


def _nested(texts: list[tuple[str, bytearray]]) -> dict[str, Any]:
    """`a[b]` is the field b of a, as OpenAI's clients write it."""
    fields: dict[str, Any] = {}
    for name, text in texts:
        outer, bracket, inner = name.partition("[")
        value = text.decode("utf-8", "replace")
        if not bracket or not inner.endswith("]"):
            fields[name] = value
        elif isinstance(within := fields.setdefault(outer, {}), dict):
            within[inner[:-1]] = value
    return fields


def _append(file: Path, piece: bytes) -> None:
    with file.open("ab") as stream:
        stream.write(piece)


def _too_long(message: str) -> ApiError:
    return ApiError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "request_too_large", message)
