"""What happens to a prompt between its turn and its segment.

A `Preparer` may take its time: enhancement, safety, rewriting and adapters live behind it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from matinee.generation import SegmentRequest
from matinee.wire.client_messages import PromptSource
from matinee.wire.server_messages import ErrorCode


@dataclass(frozen=True, slots=True)
class PreparedPrompt:
    """What the worker is asked. `source`: where the words come from now. `prompt_read`: the
    characters that the model reads, where these are not all. `notes`: what the client is told.
    `trouble`: why the words are the client's own, though others were to be written."""

    request: SegmentRequest
    source: PromptSource
    prompt_read: int | None = None
    notes: tuple[str, ...] = ()
    trouble: str | None = None


@dataclass(frozen=True, slots=True)
class AskedPrompt:
    """What is to be prepared. `enhance`: its words are to be made better. `past`: the video's last
    prompts, the newest last, where the next one is to be written from them."""

    request: SegmentRequest
    source: PromptSource
    enhance: bool = False
    past: tuple[str, ...] = ()

    @property
    def takes_time(self) -> bool:
        """Somebody is to write."""
        return self.enhance or bool(self.past)

    def as_it_is(self, trouble: str | None = None) -> PreparedPrompt:
        return PreparedPrompt(self.request, self.source, trouble=trouble)


@dataclass(eq=False)
class PromptRefused(Exception):
    """No segment is made of this prompt; the client is told why and the session goes on."""

    code: ErrorCode
    message: str
    retryable: bool = False
    param: str | None = None


class Preparer(Protocol):
    async def prepare(self, asked: AskedPrompt) -> PreparedPrompt:
        """From what the client asked, checked already. Raises `PromptRefused`."""
        ...


class PlainPrompt:
    """The prompt as it was sent."""

    async def prepare(self, asked: AskedPrompt) -> PreparedPrompt:
        return asked.as_it_is()
