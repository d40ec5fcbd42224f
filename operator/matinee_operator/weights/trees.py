"""A model's sources as trees of files: what each one resolved to, and its folder in a cache. Pure.

A tree is pinned once its source is resolved: the status then names the commit and the size, and
they stay until the spec names something else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from matinee_api.contracts.fetch import FetchedTree
from matinee_api.kinds.source import Source
from matinee_api.kinds.videomodel import Resolved, VideoModel
from matinee_operator.objects import content_hash

WEIGHTS_FOLDER = "/weights"
SECRETS_FOLDER = "/etc/matinee/secrets"
FETCHED = ("hf", "s3")
"""Schemes whose files have to be fetched."""
_READABLE = 40


TreeKey = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Pin:
    """What the source resolved to."""

    commit: str | None
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Tree:
    """The model's files, or an adapter's."""

    name: str
    kind: Literal["model", "adapter"]
    source: Source
    pin: Pin | None = None

    @property
    def key(self) -> TreeKey:
        """An adapter may be called `model`."""
        return self.kind, self.name

    @property
    def is_fetched(self) -> bool:
        return self.source.scheme in FETCHED

    @property
    def folder(self) -> str:
        """The folder's name; the same for every model that wants the same files."""
        commit = self.pin.commit if self.pin else None
        last = self.source.uri.rstrip("/").rpartition("/")[2].lower()
        readable = re.sub(r"[^a-z0-9]+", "-", last)[:_READABLE].strip("-")
        return f"{readable}-{content_hash([self.source.uri, commit, self.source.endpoint], 12)}"


def trees_of(model: VideoModel) -> tuple[Tree, ...]:
    """Those that are resolved. The model's is the first, if its source is one of them."""
    spec, status = model.spec, model.status
    trees = []
    if spec.source.scheme in (*FETCHED, "pvc"):
        trees.append(Tree("model", "model", spec.source, _pin(spec.source, status)))
    known = {adapter.name: adapter for adapter in status.adapters} if status else {}
    for adapter in spec.adapters:
        if adapter.scheme in FETCHED:
            pin = _pin(adapter, known.get(adapter.name))
            trees.append(Tree(adapter.name, "adapter", adapter, pin))
    return tuple(trees)


def address(source: Source) -> str:
    """What is resolved, in one line."""
    revision = f"@{source.revision}" if source.revision else ""
    return f"{source.uri}{revision}" + (f" at {source.endpoint}" if source.endpoint else "")


def to_resolve(tree: Tree) -> FetchedTree:
    """A claim's own files are checked; others have no folder yet."""
    folder = f"{WEIGHTS_FOLDER}/{tree.name}"
    if tree.source.scheme == "pvc":
        folder = claim_and_path(tree.source)[1]
    return _fetched(tree, tree.source.revision, folder)


def to_fetch(tree: Tree) -> FetchedTree:
    """Of a pinned tree."""
    commit = tree.pin.commit if tree.pin else None
    return _fetched(tree, commit, f"{WEIGHTS_FOLDER}/{tree.folder}")


def claim_and_path(source: Source) -> tuple[str, str]:
    """Of a `pvc:` source: the claim's name, and where its folder appears in a pod."""
    claim, _, folder = source.uri.removeprefix("pvc://").partition("/")
    return claim, f"{WEIGHTS_FOLDER}/{folder}" if folder else WEIGHTS_FOLDER


def _fetched(tree: Tree, revision: str | None, folder: str) -> FetchedTree:
    token = tree.source.token_secret_ref
    return FetchedTree(
        name=tree.name,
        kind=tree.kind,
        uri=tree.source.uri,
        revision=revision,
        endpoint=tree.source.endpoint,
        token_file=f"{SECRETS_FOLDER}/{token.name}/{token.key}" if token else None,
        folder=folder,
    )


def _pin(source: Source, known: Resolved | None) -> Pin | None:
    if known is None or known.resolved_from != address(source):
        return None
    return Pin(known.resolved_revision, known.size_bytes or 0)
