"""`/v1/videos/characters`: names that no model here can show, and that is said with each of them.

OpenAI's clients make a character of a clip, and name it in later orders. No family can be given
one, so the clip is looked at and dropped, and all that a character is stands in its id: no server
keeps it, and each answers for it. An order that names one is refused (`jobs.fields.NOT_HERE`).
"""

from __future__ import annotations

import base64
import json
import time
from http import HTTPStatus
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from matinee.errors import InvalidRequest
from matinee.jobs.fields import NOT_HERE, MissingField, UnknownField
from matinee.server.api_errors import ApiError
from matinee.server.lifecycle import Lifecycle
from matinee.server.ordering import Ordering
from matinee.server.videos import PATH

PREFIX = "char_"
LONGEST_NAME = 80
LONGEST_ID = 600
CLIPS = {4: b"ftyp", 0: b"\x1a\x45\xdf\xa3"}
"""Where and how MP4 and WebM begin."""


def characters_router(life: Lifecycle) -> APIRouter:
    routes = _Routes(life)
    router = APIRouter(prefix=f"{PATH}/characters")
    router.add_api_route("", routes.create, methods=["POST"])
    router.add_api_route("/{character_id}", routes.single, methods=["GET"])
    return router


class _Routes(Ordering):
    async def create(self, request: Request) -> Response:
        async def answer() -> Response:
            async with self._body(request, takes="video") as body:
                name = _name_in(body.fields)
                if body.file is None:
                    raise MissingField("video", "is required, but missing: a file of the form")
                if not await self._jobs.in_disk_thread(lambda: _is_clip(body.place)):
                    raise InvalidRequest("video", "is no clip; send an MP4 or a WebM")
            return JSONResponse(_object(_id_of(name, int(time.time()))))

        return await self._answered(request, answer)

    async def single(self, request: Request, character_id: str) -> Response:
        async def answer() -> Response:
            return JSONResponse(_object(character_id))

        return await self._answered(request, answer)


def _name_in(fields: dict[str, Any]) -> str:
    name = fields.pop("name", None)
    for other in fields:
        raise UnknownField(other[:64], "is not known here; a character has a name and a video")
    if name is None:
        raise MissingField("name", "is required, but missing")
    if not isinstance(name, str) or not 0 < len(name.strip()) <= LONGEST_NAME:
        raise InvalidRequest("name", f"must have 1 to {LONGEST_NAME} characters")
    return name.strip()


def _is_clip(file: Path) -> bool:
    with file.open("rb") as stream:
        head = stream.read(8)
    return any(head[place:].startswith(mark) for place, mark in CLIPS.items())


def _id_of(name: str, created_at: int) -> str:
    facts = json.dumps([created_at, name], ensure_ascii=False).encode(errors="replace")
    return PREFIX + base64.urlsafe_b64encode(facts).decode().rstrip("=")


def _object(character_id: str) -> dict[str, Any]:
    """Raises `ApiError` for what is no id of ours."""
    facts = _facts_in(character_id)
    if facts is None:
        message = f"there is no character {character_id[:64]!r}"
        status = HTTPStatus.NOT_FOUND
        raise ApiError(status, "character_not_found", message, param="character_id")
    name, created_at = facts
    told = {"id": character_id, "object": "video.character", "created_at": created_at}
    return {**told, "name": name, "usable": False, "notes": [NOT_HERE["characters"]]}


def _facts_in(character_id: str) -> tuple[str, int] | None:
    """Name and time of creation, if it is an id of ours."""
    if len(character_id) > LONGEST_ID or not character_id.startswith(PREFIX):
        return None
    text = character_id.removeprefix(PREFIX)
    try:
        created_at, name = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        is_ours = _id_of(str(name), int(created_at)) == character_id
    except (ValueError, TypeError, RecursionError, OverflowError):
        return None
    return (name, created_at) if is_ours and isinstance(name, str) else None
