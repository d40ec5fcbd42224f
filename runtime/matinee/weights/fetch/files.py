"""What a source has: files with their sizes and digests."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field


class SourceFile(BaseModel):
    """One file, as its source describes it and as the manifest keeps it."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")

    path: str
    """Relative to the tree, with `/`."""
    size_bytes: int = Field(ge=0)
    digest: str
    """`algorithm:value`, see `digests.py`; files with the same one are the same."""


@dataclass(frozen=True, slots=True)
class Listing:
    """Everything at a source. `commit`: of a hub's repository."""

    files: tuple[SourceFile, ...]
    commit: str | None = None

    def paths(self) -> list[str]:
        return [file.path for file in self.files]

    def only(self, paths: Iterable[str]) -> tuple[SourceFile, ...]:
        """These files, in the order of the listing."""
        wanted = set(paths)
        return tuple(file for file in self.files if file.path in wanted)


def total_bytes(files: Iterable[SourceFile]) -> int:
    return sum(file.size_bytes for file in files)


def stays_inside(path: str) -> bool:
    """Whether a name that a stranger chose is a plain path below the folder it is put into."""
    parts = path.split("/")
    return all(part not in ("", ".", "..") for part in parts) and not set(path) & {"\\", "\0"}
