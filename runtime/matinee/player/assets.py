"""The player's files as the HTTP server needs them: URL path in, body and headers out.

They are read once, at start: they are small, and the server then touches no file for a page.
The page finds its files and the stream by relative addresses, so any path prefix in front works.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.resources import files

CONTENT_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "media-src 'self' blob:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'self'",
    )
)


@dataclass(frozen=True, slots=True)
class Asset:
    """One file of the page. `etag` is quoted, as the header wants it."""

    body: bytes
    content_type: str
    etag: str

    @property
    def headers(self) -> dict[str, str]:
        """Headers of the answer. Browsers ask each time and get 304 while nothing has changed."""
        return {
            "content-type": self.content_type,
            "etag": self.etag,
            "cache-control": "no-cache",
            "content-security-policy": CONTENT_SECURITY_POLICY,
            "x-content-type-options": "nosniff",
            "referrer-policy": "no-referrer",
        }


def load_assets() -> dict[str, Asset]:
    """Map `/player` to the page and `/player/NAME` to each of its files."""
    assets: dict[str, Asset] = {}
    for file in files("matinee.player").iterdir():
        suffix = "." + file.name.rpartition(".")[2]
        if suffix in CONTENT_TYPES:
            path = "/player" if file.name == "index.html" else f"/player/{file.name}"
            body = file.read_bytes()
            etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
            assets[path] = Asset(body, CONTENT_TYPES[suffix], etag)
    return assets
