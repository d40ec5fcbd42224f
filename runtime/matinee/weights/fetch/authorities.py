"""Whom downloads trust: the certificate authorities of `SSL_CERT_FILE`, where it is set.

Clients read that file when they first connect, and each fails in a way of its own over a wrong one.
"""

from __future__ import annotations

import os
import ssl

from matinee.weights.fetch.errors import FetchFailed

VARIABLE = "SSL_CERT_FILE"


def check_authorities() -> None:
    """Raises `FetchFailed` with `SourceUnreachable` for a file that holds no certificates."""
    file = os.environ.get(VARIABLE)
    if not file:
        return
    try:
        ssl.create_default_context(cafile=file)
    except OSError as error:  # `SSLError` is one
        why = "holds no certificates" if isinstance(error, ssl.SSLError) else error.strerror
        raise FetchFailed(
            "SourceUnreachable",
            f"{VARIABLE}: {file}: {why}; put certificate authorities in PEM there (in a cluster: "
            "into the key that pod.caBundle names)",
        ) from error
