"""What all routes have in common that take orders: who may ask, what is refused, and how."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from http import HTTPStatus

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from matinee.errors import InvalidRequest
from matinee.jobs.desk import New
from matinee.jobs.ledger import Once, Placed, QueueFull
from matinee.jobs.orders import Rules
from matinee.jobs.picture import PARAM
from matinee.jobs.record import Job, Order
from matinee.server.api_errors import ApiError, answer_of, api_error, not_found, unavailable
from matinee.server.lifecycle import DRAINING, Lifecycle
from matinee.server.order_body import OrderBody, order_body
from matinee.server.video_answers import video_object
from matinee.serving.names import origin_allowed
from matinee.serving.public_addresses import UrlRefused
from matinee.serving.url_fetching import FetchBounds, UrlFetcher
from matinee.session.reception import offered

POLL_AFTER = "openai-poll-after-ms"
KEY = "Idempotency-Key"
LONGEST_KEY = 255
NO_FETCHING = (
    "this server fetches no URLs (jobs.fetch_urls); send the image as a file of a form, or as a "
    "data: URL"
)

Answer = Callable[[], Awaitable[Response]]


class Ordering:
    """For those who inherit it. All but `_answered` raise `ApiError`."""

    def __init__(self, life: Lifecycle) -> None:
        self._life, self._jobs = life, life.jobs
        limits, jobs = life.config.streaming.limits, life.config.jobs
        bounds = FetchBounds(limits.initial_image_bytes, jobs.fetch_seconds, jobs.fetch_networks)
        self._fetcher = UrlFetcher(bounds)

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

    def _body(
        self, request: Request, takes: str | None = PARAM
    ) -> AbstractAsyncContextManager[OrderBody]:
        """See `order_body`."""
        return order_body(request, self._jobs, self._fetch, takes)

    async def _fetch(self, url: str, param: str, take: Callable[[bytes], Awaitable[None]]) -> None:
        """Raises `InvalidRequest`."""
        if not self._jobs.config.fetch_urls:
            raise InvalidRequest(param, NO_FETCHING, joint=": ")
        try:
            await self._fetcher.fetch(url, take)
        except UrlRefused as refused:
            raise InvalidRequest(param, str(refused), joint=": ") from None

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

    def _told(self, placed: Placed) -> Response:
        job, headers = placed.job, {}
        if not job.ended:
            headers[POLL_AFTER] = str(self._jobs.pace.poll_after_ms(job, placed.ahead))
        return JSONResponse(video_object(job, self._ttl_s), headers=headers)

    @property
    def _ttl_s(self) -> float:
        return self._jobs.config.ttl_seconds


def once(request: Request, body: OrderBody) -> Once | None:
    """What the client says of sending it again. Raises `ApiError`."""
    key = request.headers.get(KEY)
    if key is None:
        return None
    if not 0 < len(key) <= LONGEST_KEY:
        message = f"{KEY} must have 1 to {LONGEST_KEY} characters"
        raise ApiError(HTTPStatus.BAD_REQUEST, "invalid_value", message, param=KEY)
    return Once(key, f"{request.url.path} {body.digest}")


def absent(message: str) -> ApiError:
    return ApiError(HTTPStatus.NOT_IMPLEMENTED, "not_supported", message)
