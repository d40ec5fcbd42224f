"""Why a tree cannot be fetched.

    MatineeError
    └── FetchFailed        with a reason of the API; the message names the remedy

    TransferBroken         a connection that did not do its job: another try may

`TransferBroken` never leaves this package: after enough tries it becomes `SourceUnreachable`.
"""

from __future__ import annotations

import contextlib
import errno
import ssl
from collections.abc import Iterator
from pathlib import Path

from matinee.errors import MatineeError
from matinee_api.contracts.fetch import FetchReason

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class FetchFailed(MatineeError):
    """A tree that is not there."""

    def __init__(self, reason: FetchReason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class TransferBroken(Exception):
    """The source did not answer, or stopped to; `str(error)` says how."""


@contextlib.contextmanager
def volume_errors(folder: Path) -> Iterator[None]:
    """Inside, what the operating system refuses under `folder` is `FetchFailed` with `NoSpace`."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            message = f"the volume of {folder} became full; make it larger or free some space"
        else:
            message = (
                f"{error.filename or folder}: {error.strerror}; "
                "mount a volume there that this user may read and write"
            )
        raise FetchFailed("NoSpace", message) from error


_TRUST_IT = (
    "give its authority's certificate with SSL_CERT_FILE (in a cluster: pod.caBundle of the "
    "VideoModel)"
)


def words_of(error: BaseException) -> str:
    """What the operating system said at the bottom of a client's error, else the error's own
    words."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted ({cause.verify_message}); {_TRUST_IT}"
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        cause = getattr(cause, "reason", None) or cause.__cause__ or cause.__context__
        cause = cause if isinstance(cause, BaseException) else None
    return str(error) or type(error).__name__
