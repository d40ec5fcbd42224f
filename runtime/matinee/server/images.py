"""`/v1/images`: one picture within one request.

Generating makes a video of one frame. Editing makes the shortest video that begins with the image
that was sent, and answers with its last frame. Both are jobs like the others, and gone when they
are answered, unless the answer is a URL.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from matinee.errors import BadInput
from matinee.jobs.desk import New
from matinee.jobs.fields import MissingField
from matinee.jobs.orders import edited_image_order, image_order
from matinee.jobs.picture import PARAM, check_picture
from matinee.jobs.record import Job, Order
from matinee.jobs.workshop import IMAGE, VARIANTS
from matinee.server.api_errors import answer_of, api_error, not_found
from matinee.server.event_stream import Event, EventStream
from matinee.server.image_answers import (
    Form,
    completed,
    encoded,
    form_asked,
    image_object,
    url_object,
)
from matinee.server.lifecycle import Lifecycle
from matinee.server.order_body import OrderBody
from matinee.server.ordering import Ordering
from matinee.server.waiting import check_made, until_ended

PATH = "/v1/images"
EDITED = "image"


def images_router(life: Lifecycle) -> APIRouter:
    routes = _Routes(life)
    router = APIRouter(prefix=PATH)
    router.add_api_route("/generations", routes.generate, methods=["POST"])
    router.add_api_route("/edits", routes.edit, methods=["POST"])
    return router


class _Routes(Ordering):
    async def generate(self, request: Request) -> Response:
        async def answer() -> Response:
            async with self._body(request, takes=None) as body:
                form = form_asked(body.fields)
                job = await self._created(New(image_order(body.fields, self._rules())))
            return await self._shown(request, job, form, "image_generation")

        return await self._answered(request, answer)

    async def edit(self, request: Request) -> Response:
        async def answer() -> Response:
            async with self._body(request, takes=EDITED) as body:
                form = form_asked(body.fields)
                order = await self._edit_ordered(body)
                job = await self._created(New(order, body.file))
            return await self._shown(request, job, form, "image_edit")

        return await self._answered(request, answer)

    async def _edit_ordered(self, body: OrderBody) -> Order:
        if body.file is None:
            raise MissingField(EDITED, "is required, but missing")
        try:
            check = partial(check_picture, body.file, self._life.config.streaming.limits)
            mime = await self._jobs.in_disk_thread(check)
            return edited_image_order(body.fields, self._rules(), mime)
        except BadInput as error:
            raise error.renamed({PARAM: EDITED}) from None

    async def _shown(self, request: Request, job: Job, form: Form, kind: str) -> Response:
        if form.stream:
            return EventStream(partial(self._events, request, job, form, kind))
        if form.as_url:
            job = await self._made(request, job)
            url = f"{request.base_url}v1/videos/{job.id}/content?variant={IMAGE}"
            return JSONResponse(url_object(job, form, url))
        return JSONResponse(image_object(job, form, await self._content(request, job, form)))

    async def _events(
        self, request: Request, job: Job, form: Form, kind: str
    ) -> AsyncIterator[Event]:
        """One, when the picture is there: no family shows pictures that are half done."""
        try:
            content = await self._content(request, job, form)
        except Exception as error:  # noqa: BLE001 - what is none of ours is raised again
            yield Event("error", bytes(answer_of(api_error(error)).body))
            return
        yield completed(job, form, kind, content)

    async def _content(self, request: Request, job: Job, form: Form) -> str:
        """In base64; the job is gone then."""
        job = await self._made(request, job)
        try:
            path = await self._jobs.content(job.id, VARIANTS[IMAGE].file)
            if path is None:
                raise not_found(job.id)
            return await self._jobs.in_disk_thread(partial(encoded, path, form))
        finally:
            await self._jobs.delete(job.id)

    async def _made(self, request: Request, job: Job) -> Job:
        """When it is. Who leaves before stops it; what fails is gone."""
        job = await until_ended(request, self._jobs, job, shared=False)
        if job.failure is not None:
            await self._jobs.delete(job.id)
        check_made(job)
        return job
