"""Whose jobs a request asks for: set while it is answered, read where jobs are looked up."""

from __future__ import annotations

from contextvars import ContextVar

OWNER: ContextVar[str] = ContextVar("owner", default="")
"""Name of the key's owner, which a router tells. Empty: everybody's jobs are seen."""
