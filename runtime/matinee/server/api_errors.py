"""Errors as OpenAI's clients read them: `{"error": {message, type, param, code}}`."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from fastapi import Request, Response
from fastapi.exception_handlers import http_exception_handler
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from matinee.errors import BadInput
from matinee.jobs.desk import SourceGone
from matinee.jobs.fields import MissingField, UnknownField, UnknownModel
from matinee.jobs.ledger import KeyReused
from matinee.jobs.retention import QuotaUsedUp
from matinee.jobs.service import JobsUnavailable
from matinee.serving.byte_budget import OverBudget
from matinee.serving.multipart import Malformed
from matinee.serving.refusal import error_object

RETRY_AFTER_S, QUOTA_RETRY_AFTER_S = 5, 60


class ApiError(Exception):
    """What is answered instead of what was asked. `code` is for programs."""

    def __init__(
        self,
        status: HTTPStatus,
        code: str,
        message: str,
        *,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.param, self.headers = param, dict(headers or {})


def answer_of(error: ApiError) -> JSONResponse:
    facts = error_object(error.status, error.code, error.message, error.param)
    return JSONResponse({"error": facts}, error.status, error.headers)


async def no_such_route(request: Request, error: HTTPException) -> Response:
    """Whatever begins with `/v1/` was meant for this API, also where it has no such path."""
    status, path = HTTPStatus(error.status_code), request.url.path
    if not path.startswith("/v1/"):
        return await http_exception_handler(request, error)
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        code, problem = "method_not_allowed", "is not answered"
    else:
        code, problem = "unknown_url", "is not known here"
    message = f"{request.method[:16]} {path[:128]} {problem}; docs/openai.md lists what is"
    return answer_of(ApiError(status, code, message, headers=error.headers))


def not_found(video_id: str, param: str = "video_id") -> ApiError:
    message = f"there is no video {video_id[:64]!r}; it may have been deleted, or its time is up"
    return ApiError(HTTPStatus.NOT_FOUND, "video_not_found", message, param=param)


def wrong_field(error: BadInput) -> ApiError:
    match error:
        case UnknownModel():
            status, code = HTTPStatus.NOT_FOUND, "model_not_found"
        case UnknownField():
            status, code = HTTPStatus.BAD_REQUEST, "unknown_parameter"
        case MissingField():
            status, code = HTTPStatus.BAD_REQUEST, "missing_required_parameter"
        case _:
            status, code = HTTPStatus.BAD_REQUEST, "invalid_value"
    return ApiError(status, code, str(error), param=error.param or None)


def unavailable(message: str) -> ApiError:
    headers = {"retry-after": str(RETRY_AFTER_S)}
    return ApiError(HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", message, headers=headers)


def api_error(error: Exception) -> ApiError:
    """Of what an order may raise. Raises the error itself when that is none of them."""
    match error:
        case ApiError():
            return error
        case BadInput():
            return wrong_field(error)
        case Malformed():
            return ApiError(HTTPStatus.BAD_REQUEST, "invalid_form", str(error))
        case OverBudget():
            return unavailable("others are sending too much at the same time; retry")
        case JobsUnavailable():
            return unavailable(str(error))
        case QuotaUsedUp() | SourceGone() | KeyReused():
            return not_created(error)
        case _:
            raise error


def not_created(error: QuotaUsedUp | SourceGone | KeyReused) -> ApiError:
    """Why an order without a mistake became no job."""
    match error:
        case QuotaUsedUp():
            message = "your videos that are kept have as many bytes as they may; delete some"
            headers = {"retry-after": str(QUOTA_RETRY_AFTER_S)}
            status = HTTPStatus.TOO_MANY_REQUESTS
            return ApiError(status, "insufficient_quota", message, headers=headers)
        case SourceGone():
            message = "the video that this was to be made of has been deleted meanwhile"
            return ApiError(HTTPStatus.NOT_FOUND, "video_not_found", message, param="video_id")
        case KeyReused():
            message = "this Idempotency-Key came with another request before; take a new one"
            status = HTTPStatus.UNPROCESSABLE_ENTITY
            return ApiError(status, "idempotency_key_reused", message, param="Idempotency-Key")
