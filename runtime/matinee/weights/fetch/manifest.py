"""`.matinee.json`: what a fetched folder holds, so that the next one to look knows it whole."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from matinee.weights.fetch.files import SourceFile, total_bytes

MANIFEST = ".matinee.json"


class Manifest(BaseModel):
    """Written before the first file, and part of the folder when it appears."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")

    uri: str
    commit: str | None
    files: tuple[SourceFile, ...]

    def is_of(self, uri: str, commit: str | None) -> bool:
        return (self.uri, self.commit) == (uri, commit)

    @property
    def total_bytes(self) -> int:
        return total_bytes(self.files)

    def is_whole(self, folder: Path) -> bool:
        """A quick look: each file is in the folder and has its size."""
        return all(size_at(folder / file.path) == file.size_bytes for file in self.files)


def read_manifest(folder: Path) -> Manifest | None:
    """None where there is none, or none that can be read."""
    try:
        return Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    except (OSError, ValidationError):
        return None


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """All at once, and on the disk when it returns."""
    part = folder / f"{MANIFEST}.part"
    with part.open("w", encoding="utf-8") as file:
        file.write(manifest.model_dump_json(indent=1))
        file.flush()
        os.fsync(file.fileno())
    part.replace(folder / MANIFEST)


def size_at(path: Path) -> int | None:
    """Bytes of a regular file; None where there is none."""
    return path.stat().st_size if path.is_file() else None
