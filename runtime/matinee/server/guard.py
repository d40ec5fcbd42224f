"""Routes that not everybody may ask: who may not is answered before anything is done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import JSONResponse

from matinee.serving.refusal import Refusal


class _Refused(Exception):
    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.reason)
        self.refusal = refusal


def guard(app: FastAPI, judge: Callable[[Request], Refusal | None]) -> Any:
    """A dependency for routes of this application."""

    async def admitted(request: Request) -> None:
        if refusal := judge(request):
            raise _Refused(refusal)

    app.add_exception_handler(_Refused, _refuse)
    return Depends(admitted)


async def _refuse(request: Request, error: Exception) -> Response:
    refusal = cast(_Refused, error).refusal
    said = {"error": refusal.error(request.url.path)}
    return JSONResponse(said, refusal.status, dict(refusal.headers))
