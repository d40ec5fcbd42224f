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
    return checked_token(token, path)


def checked_token(token: str, place: str) -> str:
    """The same. What no header can hold would be quoted by a client's own error.

    Raises:
        FetchFailed: `SourceDenied`: this is none.
    """
    if not token or not token.isascii() or not token.isprintable():
        raise FetchFailed("SourceDenied", f"{place} holds no token; put one line of text there")
    return token
