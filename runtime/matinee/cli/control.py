"""Asking a server or a router what only those may who run it."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from matinee.errors import BadInput, MatineeError
from matinee.serving.access import ADMIN_TOKEN_VARIABLE
from matinee.serving.http_client import Unanswered, asked
from matinee_api.plain_text import plain

TIMEOUT_S = 10.0
MOST_BYTES = 64 * 2**20
NO_JSON = "it answers no JSON; is it Matinee?"


def control_epilog(whom: str) -> str:
    """For `--help`."""
    return f"{ADMIN_TOKEN_VARIABLE} in the environment is the bearer token that {whom} may want."


def ask(url: str, path: str, *, method: str = "GET", body: Any = None) -> Any:
    """The answer's JSON. Raises `MatineeError`, and `BadInput` when the URL is none."""
    return asyncio.run(_ask(url, path, method, b"" if body is None else json.dumps(body).encode()))


def until(url: str, path: str, holds: Callable[[Any], bool]) -> None:
    """Read lines of JSON until one of them is right. Raises `MatineeError`."""
    asyncio.run(_until(url, path, holds))


async def _ask(url: str, path: str, method: str, body: bytes) -> Any:
    try:
        request = asked(_checked(url), path, _headers(), timeout_s=TIMEOUT_S, sends=(method, body))
        async with request as answer:
            text = await answer.body(MOST_BYTES)
            _check_status(url, answer.status, text)
            return json.loads(text)
    except Unanswered as error:
        raise MatineeError(f"{url}: {error}") from error
    except ValueError as error:
        raise MatineeError(f"{url}: {NO_JSON}") from error


async def _until(url: str, path: str, holds: Callable[[Any], bool]) -> None:
    try:
        async with asked(_checked(url), path, _headers(), timeout_s=TIMEOUT_S) as answer:
            if answer.status != HTTPStatus.OK:
                _check_status(url, answer.status, await answer.body(MOST_BYTES))
            async for line in answer.lines(MOST_BYTES):
                if line.strip() and holds(json.loads(line)):
                    return
    except Unanswered as error:
        raise MatineeError(f"{url}: {error}") from error
    except ValueError as error:
        raise MatineeError(f"{url}: {NO_JSON}") from error
    raise MatineeError(f"{url}: it ended before")


def _checked(url: str) -> str:
    """Raises `BadInput`, which repeats nothing that may be a password."""
    try:
        parts = urlsplit(url)
    except ValueError as error:  # half an address of IPv6
        raise BadInput("URL", f"is none: {error}") from None
    if "@" in parts.netloc:
        problem = f"must hold no name and no password; the token goes into {ADMIN_TOKEN_VARIABLE}"
        raise BadInput("URL", problem)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadInput("URL", f"{url!r} is no http:// or https:// address", joint=": ")
    return url.rstrip("/")


def _headers() -> dict[str, str]:
    token = os.environ.get(ADMIN_TOKEN_VARIABLE, "").strip()  # Secrets often end with a line
    return {"authorization": f"Bearer {token}"} if token else {}


def _check_status(url: str, status: int, text: bytes) -> None:
    """Raises `MatineeError` with the server's own words."""
    if status < HTTPStatus.BAD_REQUEST:
        return
    try:
        said = json.loads(text)["error"]
        reason = str(said["message"] if isinstance(said, dict) else said)
    except (ValueError, KeyError, TypeError):
        reason = f"status {status}"
    raise MatineeError(f"{url}: {plain(reason, 300)}")
