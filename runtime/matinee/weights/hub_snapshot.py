"""A hub's model in the user's own cache of huggingface_hub: for `matinee up` and the Python API.

The files are those that a download Job would fetch (`fetch/selection.py`), so that a model is the
same wherever it runs. What is in the cache is not fetched again, and serves without a network.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from matinee.weights.fetch.errors import TransferBroken
from matinee.weights.fetch.selection import model_files
from matinee.weights.model_index import MODEL_INDEX, components_of, read_index
from matinee_api.contracts.fetch import FetchedTree

PARALLEL_FILES = 4


def hub_snapshot(hub_id: str, revision: str | None) -> Path:
    """The folder.

    Raises:
        FetchFailed: the repository holds no model in Diffusers format.
        HFValidationError, HfHubHTTPError, OSError: it is not there, and not in the cache.
    """
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import RemoteEntryNotFoundError

    try:
        index = Path(hf_hub_download(hub_id, MODEL_INDEX, revision=revision))
    except RemoteEntryNotFoundError:
        components_of(b"{}", None, hub_id)  # refused in the words of a download Job
        raise
    commit = index.parent.name
    paths = _paths(hub_id, commit)
    if paths is not None:
        wanted = model_files(paths, components_of(read_index(index.parent, hub_id), None, hub_id))
        _download(hub_id, commit, wanted)
    return index.parent


def _paths(hub_id: str, commit: str) -> list[str] | None:
    """Of all its files; None when the hub does not answer, so that the cache has to do."""
    from huggingface_hub import constants

    from matinee.weights.fetch.hub import Hub

    if constants.HF_HUB_OFFLINE:
        return None
    tree = FetchedTree(
        name="model", kind="model", uri=f"hf:{hub_id}", revision=commit, folder="the cache"
    )
    try:
        return Hub(tree).listing().paths()
    except TransferBroken:
        return None


def _download(hub_id: str, commit: str, paths: Iterable[str]) -> None:
    """A commit never changes, so what the cache has of it is not even asked for."""
    from huggingface_hub import hf_hub_download

    with ThreadPoolExecutor(PARALLEL_FILES, thread_name_prefix="hub") as pool:
        list(pool.map(partial(hf_hub_download, hub_id, revision=commit), paths))
