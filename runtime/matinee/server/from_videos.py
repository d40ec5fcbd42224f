"""`/v1/videos/edits` and `/extensions`: jobs that are made from the video of another one.

The video is named by its id, or sent as it was downloaded: OpenAI's own client can send files only.
One that was not made here is not taken: nothing decodes videos of strangers.
"""

from __future__ import annotations

import filecmp
import os
import shutil
from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request, Response

from matinee.errors import InvalidRequest
from matinee.jobs.desk import New
from matinee.jobs.fields import MissingField
from matinee.jobs.orders import Rules, edit_order, extension_order
from matinee.jobs.record import Job, Order
from matinee.jobs.workshop import VARIANTS
from matinee.media.reading_back import first_picture
from matinee.server.api_errors import not_found
from matinee.server.lifecycle import Lifecycle
from matinee.server.order_body import OrderBody
from matinee.server.ordering import Ordering, once
from matinee.server.video_answers import not_ready
from matinee.server.videos import PATH

PARAM = "video"
VIDEO_FILE = VARIANTS["video"].file
NOT_OURS = 'is none that was made here and is kept; send it as it was downloaded, or as {"id": ...}'
LOOKED_AT, AT_ONCE, LOOKED_INTO = 1000, 100, 64
"""Jobs, the newest, among which a file that was sent is looked for, and of how many by its bytes,
which may lie in a bucket."""

Ordered = Callable[[Mapping[str, Any], str, Order, Rules], Order]
"""From the fields, the source's id and its order."""
Prepare = Callable[[Path, Path], None]
"""From the source's file to what the new job begins with. Blocking."""


def from_videos_router(life: Lifecycle) -> APIRouter:
    routes = _Routes(life)
    router = APIRouter(prefix=PATH)
    router.add_api_route("/edits", routes.edit, methods=["POST"])
    router.add_api_route("/extensions", routes.extend, methods=["POST"])
    return router


class _Routes(Ordering):
    async def edit(self, request: Request) -> Response:
        return await self._answered(request, partial(self._made, request, edit_order, _picture_of))

    async def extend(self, request: Request) -> Response:
        return await self._answered(request, partial(self._made, request, extension_order, _link))

    async def _made(self, request: Request, ordered: Ordered, prepare: Prepare) -> Response:
        rules = self._rules()
        async with self._body(request, takes=PARAM) as body:
            source, file = await self._source(body)
            order = ordered(body.fields, source.id, source.order, rules)
            try:
                await self._jobs.in_disk_thread(partial(_put, prepare, file, body.place))
            except FileNotFoundError:
                raise not_found(source.id, PARAM) from None
            job = await self._created(New(order, body.place, once(request, body)))
        return self._told(await self._found(job.id))

    async def _source(self, body: OrderBody) -> tuple[Job, Path]:
        """Raises `ApiError` and `InvalidRequest`."""
        if body.file is not None:
            return await self._same_as(body.file)
        video_id = _id_in(body.fields)
        placed = await self._jobs.placed(video_id)
        if placed is None:
            raise not_found(video_id, PARAM)
        file = await self._jobs.content(video_id, VIDEO_FILE)
        if file is None:
            raise not_ready(placed.job, PARAM, HTTPStatus.BAD_REQUEST)
        return placed.job, file

    async def _same_as(self, sent: Path) -> tuple[Job, Path]:
        """A job whose video that is, byte for byte. Raises `InvalidRequest`."""
        nbytes = (await self._jobs.in_disk_thread(sent.stat)).st_size
        larger = [job for job in await self._newest() if job.nbytes > nbytes]
        larger.sort(key=lambda job: job.nbytes)  # by what lies beside it: a few pictures
        for job in larger[:LOOKED_INTO]:
            file = await self._jobs.content(job.id, VIDEO_FILE)
            if file is not None and await self._is(file, sent):
                return job, file
        raise InvalidRequest(PARAM, NOT_OURS)

    async def _is(self, file: Path, sent: Path) -> bool:
        return await self._jobs.in_disk_thread(partial(_are_same, file, sent))

    async def _newest(self) -> list[Job]:
        newest: list[Job] = []
        while len(newest) < LOOKED_AT:
            after = newest[-1].id if newest else None
            page = await self._jobs.page(after, AT_ONCE, "desc")
            newest += page
            if len(page) < AT_ONCE:
                break
        return newest


def _id_in(fields: dict[str, Any]) -> str:
    """Takes it out of the fields."""
    named = fields.pop(PARAM, None)
    if named is None:
        raise MissingField(PARAM, "is required, but missing")
    video_id = named.get("id") if isinstance(named, dict) else None
    if not isinstance(video_id, str):
        raise InvalidRequest(PARAM, 'must be {"id": ...} of a video that was made here')
    return video_id


def _are_same(file: Path, sent: Path) -> bool:
    try:
        return filecmp.cmp(file, sent, shallow=False)
    except FileNotFoundError:  # deleted meanwhile
        return False
    finally:
        filecmp.clear_cache()


def _put(prepare: Prepare, file: Path, place: Path) -> None:
    place.unlink(missing_ok=True)  # the same one, as it was sent
    prepare(file, place)


def _link(file: Path, place: Path) -> None:
    """The same file under another name; files of jobs never change."""
    try:
        os.link(file, place)
    except FileNotFoundError:
        raise
    except OSError:  # another disk, or one without links
        shutil.copyfile(file, place)


def _picture_of(file: Path, place: Path) -> None:
    place.write_bytes(first_picture(file))
