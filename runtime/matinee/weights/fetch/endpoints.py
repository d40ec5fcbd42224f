"""Whether an endpoint is an address that a hub or an S3 API can be asked at. Pure."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit

from matinee.weights.fetch.errors import FetchFailed

_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?")

_BEFORE_HOST = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*:)?/*")
"""Also where a slash is missing."""


def checked_endpoint(endpoint: str, name: str, *, path: bool) -> str:
    """The same, without a `/` at its end. `name`: what it is called where it was set. `path`:
    whether there may be one; what is asked of S3 is signed from the root on.

    Raises:
        FetchFailed: `SourceUnsupported`. A name and a password, which an address may hold, are not
            shown.
    """
    if problem := _problem(endpoint, path):
        raise FetchFailed("SourceUnsupported", f"{name} {problem}")
    return endpoint.rstrip("/")


def _problem(endpoint: str, path: bool) -> str | None:
    scheme, separator, _ = endpoint.partition("://")
    if "@" in _BEFORE_HOST.sub("", endpoint, count=1).partition("/")[0]:
        return "must hold no name and no password; give credentials in token_file"
    shown = re.split(r"[?#]", endpoint)[0][:200]  # what follows may be a signature
    if not separator:
        likely = "http" if re.search(r":\d", endpoint) else "https"
        return f"must begin with http:// or https://; write {likely}://{shown}"
    try:
        parts = urlsplit(endpoint)
        whole = _AUTHORITY.fullmatch(parts.netloc) is not None and parts.port != 0
    except ValueError:
        return f"is no address: {shown}; {_SUCH_AS}"
    if scheme.lower() not in ("http", "https") or not whole or _goes_on(endpoint):
        return f"is no address of a server: {shown}; {_SUCH_AS}"
    if not path and parts.path.strip("/"):
        return f"must have no path, because S3 is asked at the root of a host: {_root(parts)}"
    return None


_SUCH_AS = "write one such as https://s3.example.com or http://127.0.0.1:9000"


def _goes_on(endpoint: str) -> bool:
    """Past the path, or with what no address has."""
    return re.search(r"[?#\s]", endpoint) is not None or not endpoint.isprintable()


def _root(parts: SplitResult) -> str:
    return f"write {parts.scheme}://{parts.netloc} if it answers there"
