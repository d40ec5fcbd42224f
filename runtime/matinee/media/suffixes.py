"""Which images files hold, by their names. No Pillow here: the terminal client runs without it."""

from __future__ import annotations

MIME_OF_SUFFIX = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
}
