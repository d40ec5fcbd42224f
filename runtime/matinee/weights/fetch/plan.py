"""What one tree needs: asked of its source, judged, and not yet fetched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from matinee.weights.fetch.adapters import check_adapter
from matinee.weights.fetch.errors import FetchFailed
from matinee.weights.fetch.files import Listing, SourceFile, total_bytes
from matinee.weights.fetch.manifest import Manifest
from matinee.weights.fetch.mounted import files_in
from matinee.weights.fetch.retry import Retry
from matinee.weights.fetch.selection import adapter_file, model_files
from matinee.weights.fetch.sources import Source, source_of
from matinee.weights.fetch.transfer import read_all
from matinee.weights.model_index import MAX_INDEX_BYTES, MODEL_INDEX, components_of, read_index
from matinee_api.contracts.fetch import FetchedTree


@dataclass(frozen=True, slots=True)
class Plan:
    """A tree whose source has all that is needed."""

    tree: FetchedTree
    source: Source
    wanted: Manifest


def plan(tree: FetchedTree, family: str | None, sleep: Callable[[float], None]) -> Plan:
    """Ask the source of a tree that is not mounted. `sleep` waits before another try.

    Raises:
        FetchFailed: the source cannot be asked, or what it has is not what the tree should be.
    """
    source = source_of(tree)
    retry = Retry(source.where, sleep)
    return planned(tree, source, retry.call(source.listing), family, retry)


def planned(
    tree: FetchedTree, source: Source, listing: Listing, family: str | None, retry: Retry
) -> Plan:
    """Of what the source lists. `family`: None for any. Raises as `plan` does."""
    chosen = listing.only(_choose(tree, source, listing, family, retry))
    files = retry.call(lambda: source.checked(chosen))
    return Plan(tree, source, Manifest(uri=tree.uri, commit=listing.commit, files=files))


def check_mounted(tree: FetchedTree, family: str | None) -> int:
    """Judge a tree that lies at its folder; the bytes of what is used of it.

    Raises:
        FetchFailed: as `plan` does.
    """
    listing = Listing(files_in(tree))
    if tree.kind == "adapter":
        weights = adapter_file(listing.paths(), tree.uri)
        check_adapter(Path(tree.folder, weights), tree.uri)
        return total_bytes(listing.only([weights]))
    _file(listing, MODEL_INDEX, tree.uri)
    components = components_in(Path(tree.folder), family, tree.uri)
    return total_bytes(listing.only(model_files(listing.paths(), components)))


def components_in(folder: Path, family: str | None, where: str) -> frozenset[str]:
    """Of a model that lies in a folder. Raises as `components_of` does."""
    return components_of(read_index(folder, where), family, where)


def _choose(
    tree: FetchedTree, source: Source, listing: Listing, family: str | None, retry: Retry
) -> list[str]:
    if tree.kind == "adapter":
        return [adapter_file(listing.paths(), source.where)]
    index = _file(listing, MODEL_INDEX, source.where)
    text = read_all(source, index, retry, MAX_INDEX_BYTES)
    return model_files(listing.paths(), components_of(text, family, source.where))


def _file(listing: Listing, path: str, where: str) -> SourceFile:
    for file in listing.only([path]):
        return file
    raise FetchFailed(
        "FamilyUnsupported",
        f"{where} has no {path}; a model is a folder in Diffusers format, as save_pretrained() "
        "writes it",
    )
