"""`/v1/images/generations`: a video of one frame, as an image, within one request.

It is a job like the others, and gone when it is answered.
"""

from __future__ import annotations

import base64
import io
from functools import partial
from pathlib import Path

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from PIL import Image

from matinee.errors import InvalidRequest
from matinee.jobs.desk import New
from matinee.jobs.orders import image_order
from matinee.jobs.picture import PARAM
from matinee.jobs.workshop import PICTURE
from matinee.server.api_errors import not_found
from matinee.server.lifecycle import Lifecycle
from matinee.server.order_body import order_body
from matinee.server.ordering import Ordering
from matinee.server.waiting import check_made, one_of, until_ended

PATH = "/v1/images"
FORMS = ("png", "jpeg", "webp")
QUALITY = 90
USUAL = {
    "n": ("1",),
    "response_format": ("b64_json",),
    "background": ("auto", "opaque"),
    "moderation": ("auto", "low"),
    "quality": ("auto", "standard", "high", "medium", "low", "hd"),
    "stream": ("false",),
}
"""What clients send besides, with the values that this server takes; they have no other effect."""


def images_router(life: Lifecycle) -> APIRouter:
    routes = _Routes(life)
    router = APIRouter(prefix=PATH)
    router.add_api_route("/generations", routes.generate, methods=["POST"])
    router.add_api_route("/edits", routes.not_here, methods=["POST"], include_in_schema=False)
    return router


class _Routes(Ordering):
    async def generate(self, request: Request) -> Response:
        async def answer() -> Response:
            rules = self._rules()
            async with order_body(request, self._jobs) as body:
                form = one_of(body.fields, "output_format", FORMS)
                for param, values in USUAL.items():
                    one_of(body.fields, param, values)
                if body.image is not None:
                    raise InvalidRequest(
                        PARAM, "an image does not begin with another one", joint=": "
                    )
                order = image_order(body.fields, rules)
            job = await self._created(New(order))
            job = await until_ended(request, self._jobs, job, shared=False)
            try:
                check_made(job)
                path = await self._jobs.content(job.id, PICTURE)
                if path is None:
                    raise not_found(job.id)
                encoded = await self._jobs.in_disk_thread(partial(_encoded, path, form))
            finally:
                await self._jobs.delete(job.id)
            size = f"{order.request.width}x{order.request.height}"
            told = {"created": int(job.created_at), "data": [{"b64_json": encoded}]}
            return JSONResponse({**told, "output_format": form, "size": size})

        return await self._answered(request, answer)


def _encoded(path: Path, form: str) -> str:
    """In base64. Blocking."""
    if form == "png":
        return base64.b64encode(path.read_bytes()).decode()
    made = io.BytesIO()
    with Image.open(path) as image:
        image.save(made, form.upper(), quality=QUALITY)
    return base64.b64encode(made.getvalue()).decode()
