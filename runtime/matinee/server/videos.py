"""`/v1/videos`: OpenAI's routes over the jobs of this server; see docs/openai.md."""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from matinee.jobs.desk import New
from matinee.jobs.orders import remix_order, video_order
from matinee.jobs.picture import check_picture
from matinee.jobs.record import Job, Status
from matinee.jobs.workshop import IMAGE, VARIANTS
from matinee.server.api_errors import not_found
from matinee.server.lifecycle import Lifecycle
from matinee.server.order_body import OrderBody
from matinee.server.ordering import KEY, Ordering, once
from matinee.server.video_answers import (
    file_answer,
    no_image,
    not_ready,
    page_asked,
    page_object,
    variant_asked,
)
from matinee.server.waiting import format_asked, generation_object, inline, until_ended

PATH = "/v1/videos"
VIDEO_FILE = VARIANTS["video"].file


def videos_router(life: Lifecycle) -> APIRouter:
    routes = _Routes(life)
    router = APIRouter(prefix=PATH)
    router.add_api_route("/generations", routes.generate, methods=["POST"])
    router.add_api_route("", routes.create, methods=["POST"])
    router.add_api_route("", routes.page, methods=["GET"])
    router.add_api_route("/{video_id}", routes.single, methods=["GET"])
    router.add_api_route("/{video_id}", routes.delete, methods=["DELETE"])
    router.add_api_route("/{video_id}/content", routes.content, methods=["GET"])
    router.add_api_route("/{video_id}/remix", routes.remix, methods=["POST"])
    return router


class _Routes(Ordering):
    async def create(self, request: Request) -> Response:
        async def answer() -> Response:
            async with self._body(request) as body:
                job = await self._ordered(request, body)
            return self._told(await self._found(job.id))

        return await self._answered(request, answer)

    async def generate(self, request: Request) -> Response:
        async def answer() -> Response:
            async with self._body(request) as body:
                form = format_asked(body.fields)
                job = await self._ordered(request, body)
            shared = KEY in request.headers
            job = await until_ended(request, self._jobs, job, shared=shared)
            path = await self._jobs.content(job.id, VIDEO_FILE) if form == "b64_json" else None
            content = await self._jobs.in_disk_thread(partial(inline, path)) if path else ""
            url = f"{request.base_url}{PATH[1:]}/{job.id}/content"
            return JSONResponse(generation_object(job, self._ttl_s, content, url))

        return await self._answered(request, answer)

    async def remix(self, request: Request, video_id: str) -> Response:
        async def answer() -> Response:
            rules, source = self._rules(), (await self._found(video_id)).job
            if source.status is not Status.COMPLETED:
                raise not_ready(source)
            async with self._body(request, takes=None) as body:
                order = remix_order(body.fields, video_id, source.order, rules)
                job = await self._created(New(order, once=once(request, body)))
            return self._told(await self._found(job.id))

        return await self._answered(request, answer)

    async def page(self, request: Request) -> Response:
        async def answer() -> Response:
            after, limit, direction = page_asked(request)
            try:
                jobs = await self._jobs.page(after, limit + 1, direction)
            except KeyError:
                raise not_found(after or "", param="after") from None
            more = len(jobs) > limit
            return JSONResponse(page_object(jobs[:limit], self._ttl_s, more=more))

        return await self._answered(request, answer)

    async def single(self, request: Request, video_id: str) -> Response:
        async def answer() -> Response:
            return self._told(await self._found(video_id))

        return await self._answered(request, answer)

    async def delete(self, request: Request, video_id: str) -> Response:
        async def answer() -> Response:
            if not await self._jobs.delete(video_id):
                raise not_found(video_id)
            return JSONResponse({"id": video_id, "object": "video.deleted", "deleted": True})

        return await self._answered(request, answer)

    async def content(self, request: Request, video_id: str) -> Response:
        async def answer() -> Response:
            variant = variant_asked(request)
            if variant == IMAGE and not (await self._found(video_id)).job.order.as_image:
                raise no_image()
            path = await self._jobs.content(video_id, VARIANTS[variant].file)
            if path is None:
                raise not_ready((await self._found(video_id)).job)
            try:
                facts = await self._jobs.in_disk_thread(path.stat)
            except FileNotFoundError:
                raise not_found(video_id) from None
            return file_answer(request, path, facts, video_id, variant)

        return await self._answered(request, answer)

    # Within

    async def _ordered(self, request: Request, body: OrderBody) -> Job:
        """Raises `ApiError` and what `video_order` and `check_picture` do."""
        mime, rules = None, self._rules()
        if body.file is not None:
            check = partial(check_picture, body.file, self._life.config.streaming.limits)
            mime = await self._jobs.in_disk_thread(check)
        order = video_order(body.fields, rules, mime)
        return await self._created(New(order, body.file, once(request, body)))
