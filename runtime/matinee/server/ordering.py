"""What all routes have in common that take orders: who may ask, what is refused, and how."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus

from fastapi import Request, Response

from matinee.jobs.desk import New
from matinee.jobs.ledger import Placed, QueueFull
from matinee.jobs.orders import Rules
from matinee.jobs.record import Job, Order
from matinee.server.api_errors import ApiError, answer_of, api_error, not_found, unavailable
from matinee.server.lifecycle import DRAINING, Lifecycle
from matinee.serving.names import origin_allowed
from matinee.session.reception import offered

Answer = Callable[[], Awaitable[Response]]


class Ordering:
    """For those who inherit it. All but `not_here` and `_answered` raise `ApiError`."""

    def __init__(self, life: Lifecycle) -> None:
        self._life, self._jobs = life, life.jobs

    async def not_here(self, request: Request) -> Response:
        async def answer() -> Response:
            raise absent("this server has no such operation; docs/openai.md lists those it has")

        return await self._answered(request, answer)

    async def _answered(self, request: Request, answer: Answer) -> Response:
        try:
            self._check_allowed(request)
            return await answer()
        except Exception as error:  # noqa: BLE001 - what is none of ours is raised again
            return answer_of(api_error(error))

    def _check_allowed(self, request: Request) -> None:
        """A page of another site may send a form without asking the browser."""
        if not self._jobs.config.enabled:
            raise absent("videos are not made in the background here (jobs.enabled)")
        headers, allowed = request.headers, self._life.config.server.allowed_origins
        if not origin_allowed(headers.get("origin"), headers.get("host"), allowed):
            message = "pages of this origin may not use this server"
            raise ApiError(HTTPStatus.FORBIDDEN, "origin_not_allowed", message)

    def _rules(self) -> Rules:
        life, config = self._life, self._life.config
        if life.draining:
            raise unavailable(DRAINING)
        if life.pool.info is None:
            raise unavailable("the model is still being loaded")
        limits, configured = config.streaming.limits, config.default_request
        info = offered(life.pool.info, limits, configured)
        return Rules(info, limits.prompt_characters, configured.sampling.seed)

    async def _created(self, new: New) -> Job:
        try:
            return await self._jobs.create(new)
        except QueueFull:
            raise self._full(new.order) from None

    def _full(self, order: Order) -> ApiError:
        retry_after_s = self._jobs.pace.retry_after_s(order)
        message = f"{self._jobs.config.max_queued} videos wait already; retry in {retry_after_s} s"
        headers = {"retry-after": str(retry_after_s)}
        status = HTTPStatus.TOO_MANY_REQUESTS
        return ApiError(status, "rate_limit_exceeded", message, headers=headers)

    async def _found(self, video_id: str) -> Placed:
        placed = await self._jobs.placed(video_id)
        if placed is None:
            raise not_found(video_id)
        return placed


def absent(message: str) -> ApiError:
    return ApiError(HTTPStatus.NOT_IMPLEMENTED, "not_supported", message)
