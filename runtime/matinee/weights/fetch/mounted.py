"""`pvc:` and `file:` sources: what somebody else put on a volume. It is looked at, not copied."""

from __future__ import annotations

from pathlib import Path

from matinee.weights.fetch.errors import FetchFailed
from matinee.weights.fetch.files import SourceFile
from matinee_api.contracts.fetch import FetchedTree


def files_in(tree: FetchedTree) -> tuple[SourceFile, ...]:
    """All files of the mounted folder.

    Raises:
        FetchFailed: `SourceNotFound`: there is no such folder.
    """
    folder = Path(tree.folder)
    if not folder.is_dir():
        raise FetchFailed(
            "SourceNotFound", f"{tree.uri}: there is no folder {folder}; check the path in it"
        )
    return tuple(
        SourceFile(
            path=path.relative_to(folder).as_posix(), size_bytes=path.stat().st_size, digest="etag:"
        )
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    )
