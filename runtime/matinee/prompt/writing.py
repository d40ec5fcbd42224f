"""Who writes prompts: what is asked of it, and what it gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class WriterUnavailable(Exception):
    """Nothing was written, for a reason that is no secret."""


@dataclass(frozen=True, slots=True)
class Written:
    """`notes`: what the viewer is told of it, in sentences."""

    text: str
    notes: tuple[str, ...] = ()


class Writer(Protocol):
    """All raise `WriterUnavailable`. Texts are one line, without characters that cannot be seen."""

    async def enhance(self, prompt: str) -> Written:
        """The same, said so that the model can make more of it; perhaps as it was."""
        ...

    async def extend(self, past: tuple[str, ...]) -> Written:
        """What comes after the last prompts of a video, the newest last; there is one at least."""
        ...

    async def rewrite(self, prompt: str, count: int) -> tuple[str, ...]:
        """At most so many other prompts in its stead, 1 to `wire.client_messages.MOST_REWRITES`."""
        ...

    def reload(self) -> None:
        """Read again what it was told to do."""
        ...

    async def close(self) -> None:
        """Nothing is asked of it any more; never raises."""
        ...
