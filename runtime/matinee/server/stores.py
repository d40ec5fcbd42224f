"""Which store the configuration means."""

from __future__ import annotations

import platform
from hashlib import blake2b
from pathlib import Path
from urllib.parse import urlsplit

from matinee.errors import BadInput
from matinee.store import files, memory
from matinee.store.base import Bounds, SessionStore
from matinee.store.files import FileStore
from matinee.store.folder import check_writable
from matinee.store.memory import MemoryStore
from matinee_api.config.runtime_config import StateConfig


def check_store(state: StateConfig) -> None:
    """Raises `BadInput` when the folder cannot be written, or the address is none."""
    if state.directory is not None:
        check_writable(Path(state.directory))
    if state.store == "redis":
        _address(state)


def open_store(state: StateConfig) -> SessionStore:
    """A server is asked nothing so far. Raises `BadInput`."""
    if state.store == "redis":
        return _open_redis(state)
    if state.store == "file" and state.directory is not None:
        return FileStore(Path(state.directory) / "states", _bounds(state, files.MAX_BYTES))
    return MemoryStore(_bounds(state, memory.MAX_BYTES))


def name_of(state: StateConfig) -> str:
    """The same for all servers that share the store, without its address; "" where none does: a
    folder counts as shared on one machine only."""
    if state.store == "redis":
        url = urlsplit(_address(state).strip())
        place = f"{url.netloc.rpartition('@')[2]} {url.path}"
    elif state.store == "file" and state.directory is not None:
        folder = Path(state.directory).stat()
        place = f"{platform.node()} {folder.st_dev} {folder.st_ino}"
    else:
        return ""
    return blake2b(place.encode(), digest_size=8).hexdigest()


def _open_redis(state: StateConfig) -> SessionStore:
    from matinee.store.redis_address import Address, Connections  # 0.2 s, for those who have one
    from matinee.store.redis_store import MAX_BYTES, RedisStore

    connections = Connections.to(Address.parsed(_address(state)))
    return RedisStore(connections, _bounds(state, MAX_BYTES))


def _address(state: StateConfig) -> str:
    """Raises `BadInput`."""
    if state.url is None:
        raise BadInput(
            "streaming.state.url",
            "is needed with store: redis, or the variable MATINEE_STORE_URL",
        )
    return state.url


def _bounds(state: StateConfig, max_bytes: int) -> Bounds:
    return Bounds(
        ttl_s=state.ttl_seconds,
        max_states=state.max_states,
        max_bytes=state.max_bytes or max_bytes,
        history_states=state.history_states,
        history_bytes=state.history_bytes,
    )
