"""A file whose content may be anybody's, read up to a bound: a device or a pipe has no end."""

from __future__ import annotations

import errno
from pathlib import Path


def read_at_most(path: str | Path, max_bytes: int) -> bytes:
    """The whole file. Raises `OSError`, also when there is more than `max_bytes`."""
    try:
        with Path(path).open("rb") as file:
            content = file.read(max_bytes + 1)
    except ValueError as error:  # there is a null character in it
        raise OSError(errno.EINVAL, str(error), str(path)) from error
    if len(content) > max_bytes:
        raise OSError(errno.EFBIG, f"it is larger than {max_bytes} bytes", str(path))
    return content
