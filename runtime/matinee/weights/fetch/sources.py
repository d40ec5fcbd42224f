"""What a source must answer, and which one a tree has."""

from __future__ import annotations

from typing import Protocol

from matinee.weights.fetch.authorities import check_authorities
from matinee.weights.fetch.errors import FetchFailed
from matinee.weights.fetch.files import Listing, SourceFile
from matinee.weights.fetch.transfer import Readable
from matinee_api.contracts.fetch import FetchedTree

MOUNTED = ("pvc", "file")
"""Schemes whose files lie at `folder` already."""


class Source(Readable, Protocol):
    """Files at a distance. Every method may raise `TransferBroken` and `FetchFailed`."""

    @property
    def where(self) -> str:
        """For messages."""
        ...

    def listing(self) -> Listing: ...

    def checked(self, files: tuple[SourceFile, ...]) -> tuple[SourceFile, ...]:
        """The same files with the best digests that can be had for them."""
        ...


def scheme_of(tree: FetchedTree) -> str:
    return tree.uri.partition(":")[0]


def source_of(tree: FetchedTree) -> Source:
    """Raises `FetchFailed` with `SourceUnsupported`, or as the source's constructor does."""
    scheme = scheme_of(tree)
    if scheme in ("hf", "s3"):
        check_authorities()
    if scheme == "hf":
        from matinee.weights.fetch.hub import (
            Hub,  # each source loads a client that the others do not need
        )

        return Hub(tree)
    if scheme == "s3":
        from matinee.weights.fetch.s3 import Bucket

        return Bucket(tree)
    raise FetchFailed(
        "SourceUnsupported",
        f"{tree.uri[:80]}: nothing can be fetched from {scheme}: yet; use hf:, s3:, pvc: or file:",
    )
