"""What a source has: files with their sizes and digests."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from matinee.weights.fetch.errors import FetchFailed, TransferBroken
from matinee_api.contracts.fetch import MOST_BYTES

LONGEST_PATH_BYTES, LONGEST_NAME_BYTES = 2000, 250
MAX_FILES = 20_000
"""Of one source. The largest models have hundreds."""
MAX_LISTING_BYTES = 16 * 2**20
"""Of one answer that lists files."""
LONGEST_ANSWER_S = 120.0
"""For such an answer as a whole: a server may send a byte now and then, indefinitely."""


class SourceFile(BaseModel):
    """One file, as its source describes it and as the manifest keeps it."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")

    path: str
    """Relative to the tree, with `/`."""
    size_bytes: int = Field(ge=0, le=MOST_BYTES)
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


def listing_of(files: Iterable[SourceFile], where: str, commit: str | None = None) -> Listing:
    """Raises `FetchFailed` with `SourceUnsupported` for what no source lists."""
    kept = tuple(itertools.islice(files, MAX_FILES + 1))
    if len(kept) > MAX_FILES:
        problem = f"lists more than {MAX_FILES} files; give the folder of one model"
    elif len({file.path for file in kept}) < len(kept):
        problem = "lists a file twice; check that the address is right"
    elif total_bytes(kept) > MOST_BYTES:
        problem = f"lists more than {MOST_BYTES} bytes; check that the address is right"
    else:
        return Listing(kept, commit)
    raise FetchFailed("SourceUnsupported", f"{where} {problem}")


def total_bytes(files: Iterable[SourceFile]) -> int:
    return sum(file.size_bytes for file in files)


def stays_inside(path: str) -> bool:
    """Whether a name that a stranger chose is a plain path below the folder it is put into, and one
    that a disk can hold with `.part` after it."""
    if not path.isprintable() or "\\" in path or len(path.encode()) > LONGEST_PATH_BYTES:
        return False
    parts = path.split("/")
    return all(
        part not in ("", ".", "..") and len(part.encode()) <= LONGEST_NAME_BYTES for part in parts
    )


def bounded(chunks: Iterable[bytes], max_bytes: int) -> bytes:
    """An answer that should be small. Raises `TransferBroken` when it is not, or never ends."""
    received = bytearray()
    ends_by_s = time.monotonic() + LONGEST_ANSWER_S
    for chunk in chunks:
        received += chunk
        if len(received) > max_bytes:
            raise TransferBroken(f"an answer of more than {max_bytes} bytes, which is no list")
        if time.monotonic() > ends_by_s:
            raise TransferBroken(f"an answer that takes more than {LONGEST_ANSWER_S:.0f} s")
    return bytes(received)
