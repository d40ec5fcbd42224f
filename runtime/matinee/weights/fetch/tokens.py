"""A secret from a file."""

from __future__ import annotations

from pathlib import Path

from matinee.weights.fetch.errors import FetchFailed


def read_token(path: str) -> str:
    """Without the line's end.

    Raises:
        FetchFailed: `SourceDenied`: the file is not readable, or empty.
    """
    try:
        token = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise FetchFailed("SourceDenied", f"the token in {path} cannot be read: {error}") from error
    if not token or not token.isprintable():
        raise FetchFailed("SourceDenied", f"{path} holds no token; put one line of text there")
    return token
