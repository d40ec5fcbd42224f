"""The two shapes of every MP4 box (ISO/IEC 14496-12, 4.2)."""

from __future__ import annotations

import struct


def box(kind: bytes, *parts: bytes) -> bytes:
    """A box: 32-bit size, four-character type, content."""
    content = b"".join(parts)
    return struct.pack(">I4s", 8 + len(content), kind) + content


def full_box(kind: bytes, version: int, flags: int, *parts: bytes) -> bytes:
    """A box whose content starts with an 8-bit version and 24 bits of flags."""
    return box(kind, struct.pack(">I", version << 24 | flags), *parts)
