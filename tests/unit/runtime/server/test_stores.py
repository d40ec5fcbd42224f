from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from matinee.cli.serve import with_store_address
from matinee.errors import BadInput
from matinee.server.stores import check_store, open_store
from matinee.store.base import Bounds
from matinee.store.files import FileStore
from matinee.store.memory import MemoryStore
from matinee_api.config.runtime_config import GeneratorConfig, ServeConfig, StateConfig


@pytest.mark.parametrize(
    ("configured", "directory", "kind", "kept_bytes"),
    [
        ("memory", None, MemoryStore, 256 * 2**20),
        ("memory", "d", MemoryStore, 256 * 2**20),
        ("file", "d", FileStore, 4 * 2**30),
    ],
)
def test_the_store_is_the_configured_one(
    tmp_path: Path,
    configured: Any,
    directory: str | None,
    kind: type[MemoryStore | FileStore],
    kept_bytes: int,
) -> None:
    where = str(tmp_path / directory) if directory else None
    store = open_store(StateConfig(store=configured, directory=where, history_states=3))
    assert isinstance(store, kind)
    assert store.bounds == Bounds(3600.0, 1024, kept_bytes, 3, 64 * 2**20)


def test_the_bytes_of_a_store_are_bounded_as_configured() -> None:
    store = open_store(StateConfig(max_bytes=2**20))
    assert isinstance(store, MemoryStore)
    assert store.bounds.max_bytes == 2**20


def test_a_redis_store_needs_an_address() -> None:
    with pytest.raises(BadInput, match="or the variable MATINEE_STORE_URL"):
        check_store(StateConfig(store="redis"))


@pytest.mark.parametrize(
    ("environment", "store", "url"),
    [
        ({}, "memory", None),
        ({"MATINEE_STORE_URL": ""}, "memory", None),
        ({"MATINEE_STORE_URL": "redis://h"}, "redis", "redis://h"),
    ],
)
def test_an_address_in_the_environment_comes_before_the_configured_store(
    environment: dict[str, str], store: str, url: str | None
) -> None:
    config = ServeConfig(generator=GeneratorConfig(model_path="fake"))
    state = with_store_address(config, environment).streaming.state
    assert (state.store, state.url) == (store, url)
    assert "redis://h" not in repr(state)
