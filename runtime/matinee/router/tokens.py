"""The bearer token that the router brings to a backend, from a file that may change."""

from __future__ import annotations

from pathlib import Path

from matinee_api.bounded_file import read_at_most

MOST_TOKEN_BYTES = 64 * 1024


class NoToken(Exception):
    """The file cannot be read; the message says which."""


def authorization(token_file: str | None) -> dict[str, str]:
    """The header with the first token in the file; none where there is no file, or none in it.
    Raises `NoToken`."""
    if token_file is None:
        return {}
    try:
        lines = read_at_most(Path(token_file), MOST_TOKEN_BYTES).decode("ascii").split()
    except (OSError, ValueError) as error:
        raise NoToken(f"{token_file} cannot be read") from error
    return {"authorization": f"Bearer {lines[0]}"} if lines else {}
