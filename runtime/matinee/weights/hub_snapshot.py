"""A hub's model in the user's own cache of huggingface_hub: for `matinee up` and the Python API.

What is fetched, how it is bounded and how it is checked is what a download Job does (`fetch/`), so
that a model is the same wherever it runs. Where it lies is what huggingface_hub does, so that other
programs find it too; it would take as many bytes as a server sends, under any name. What is in
the cache is not fetched again, and serves without a network.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from tempfile import TemporaryDirectory

from matinee.weights.fetch.errors import FetchFailed, TransferBroken, volume_errors
from matinee.weights.fetch.files import SourceFile, stays_inside, total_bytes
from matinee.weights.fetch.plan import Plan, planned
from matinee.weights.fetch.retry import Retry
from matinee.weights.fetch.several import Counted, fetch_files
from matinee.weights.fetch.space import check_space, free_bytes_at
from matinee.weights.fetch.transfer import fetch_file
from matinee.weights.model_index import MODEL_INDEX
from matinee_api.contracts.fetch import FetchedTree


def hub_snapshot(hub_id: str, revision: str | None) -> Path:
    """The folder.

    Raises:
        FetchFailed: the repository is not there, holds no model in Diffusers format, or cannot be
            fetched.
        HFValidationError: it is no name of one.
    """
    from huggingface_hub import constants
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]  # lazy

    validate_repo_id(hub_id)
    if constants.HF_HUB_OFFLINE:
        return _cached(hub_id, revision, "HF_HUB_OFFLINE is set")
    try:
        plan = _asked(hub_id, revision)
    except TransferBroken as error:
        return _cached(hub_id, revision, f"the hub does not answer: {error}")
    return _fetched(plan, hub_id, revision or constants.DEFAULT_REVISION)


def _cached(hub_id: str, revision: str | None, why: str) -> Path:
    """`why` the cache has to do."""
    from huggingface_hub import try_to_load_from_cache

    index = try_to_load_from_cache(hub_id, MODEL_INDEX, revision=revision)
    if isinstance(index, str):
        return Path(index).parent
    message = (
        f"it is neither a folder here nor in the cache, and {why}; check the name and the network, "
        "or fetch it beforehand and give its folder"
    )
    raise FetchFailed("SourceUnreachable", message)


def _asked(hub_id: str, revision: str | None) -> Plan:
    """Raises `TransferBroken` when the hub does not answer."""
    from matinee.weights.fetch.hub import Hub

    tree = FetchedTree(
        name="model", kind="model", uri=f"hf:{hub_id}", revision=revision, folder="the cache"
    )
    hub = Hub(tree)
    return planned(tree, hub, hub.listing(), None, Retry(hub.where))


def _fetched(plan: Plan, hub_id: str, revision: str) -> Path:
    from huggingface_hub import constants
    from huggingface_hub.file_download import repo_folder_name

    folder = Path(constants.HF_HUB_CACHE, repo_folder_name(repo_id=hub_id, repo_type="model"))
    commit = plan.wanted.commit or revision
    snapshot = folder / "snapshots" / commit
    missing = [file for file in plan.wanted.files if not (snapshot / file.path).exists()]
    if missing:
        with volume_errors(folder):
            _fetch(plan, missing, folder, snapshot)
    if revision != commit and stays_inside(revision):
        with contextlib.suppress(OSError):  # the cache may be somebody else's, to read only
            _remember(folder / "refs" / revision, commit)
    return snapshot


def _fetch(plan: Plan, missing: list[SourceFile], folder: Path, snapshot: Path) -> None:
    from huggingface_hub.utils.tqdm import tqdm

    blobs = folder / "blobs"
    blobs.mkdir(parents=True, exist_ok=True)
    nbytes = total_bytes(missing)
    check_space(nbytes, free_bytes_at(folder), folder)
    with (
        TemporaryDirectory(prefix="partial-", dir=folder, ignore_cleanup_errors=True) as partial,
        tqdm(total=nbytes, unit="B", unit_scale=True, desc=plan.source.where) as bar,  # type: ignore[no-untyped-call]
    ):

        def one(file: SourceFile, counted: Counted) -> None:
            blob = blobs / file.digest.partition(":")[2]
            if not blob.is_file():
                fetch_file(plan.source, file, Path(partial), Retry(plan.source.where), counted)
                Path(partial, file.path).rename(blob)
            _place(blob, snapshot / file.path)

        fetch_files(missing, one, bar.update)


def _place(blob: Path, path: Path) -> None:
    """A link to it, where the file system knows links."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        path.symlink_to(os.path.relpath(blob, path.parent))
    except FileExistsError:
        return  # another process was faster
    except OSError:
        blob.rename(path)


def _remember(ref: Path, commit: str) -> None:
    ref.parent.mkdir(parents=True, exist_ok=True)
    ref.write_text(commit, encoding="utf-8")
