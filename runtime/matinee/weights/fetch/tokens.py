"""A secret from a file."""

from __future__ import annotations

from matinee.weights.fetch.errors import FetchFailed
from matinee_api.bounded_file import read_at_most

MAX_TOKEN_BYTES = 16 * 1024


def read_token(path: str) -> str:
    """Without the line's end.

    Raises:
        FetchFailed: `SourceDenied`: the file is not readable, or empty.
    """
    try:
        token = read_at_most(path, MAX_TOKEN_BYTES).decode().strip()
    except OSError as error:
        says = f"the token in {path} cannot be read: {error.strerror}"
        raise FetchFailed("SourceDenied", says) from error
    except UnicodeDecodeError:  # which holds what was read
        raise FetchFailed("SourceDenied", f"{path} holds no token, but other bytes") from None
    if not token or not token.isprintable():
        raise FetchFailed("SourceDenied", f"{path} holds no token; put one line of text there")
    return token
