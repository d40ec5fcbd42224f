"""Prompts that a session makes for itself: loop generation and auto-extension.

Pure: a value enters, the next value and perhaps a prompt leave.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal

MOST_PAST = 4
"""Of a session's last prompts, the newest that the next one is written from."""


@dataclass(frozen=True, slots=True)
class PickedPrompt:
    text: str
    source: Literal["curated", "auto_extension"]


@dataclass(frozen=True, slots=True)
class PromptSources:
    """`loop` goes round the `curated` prompts; `auto_extend` goes on with the last prompt.
    `earlier`: those before it, the newest last."""

    curated: tuple[str, ...] = ()
    loop: bool = False
    auto_extend: bool = False
    last_prompt: str | None = None
    turn: int = 0
    earlier: tuple[str, ...] = ()

    @property
    def past(self) -> tuple[str, ...]:
        """What the next prompt is written from; empty before the first one."""
        return () if self.last_prompt is None else (*self.earlier, self.last_prompt)

    def after(self, prompt: str) -> PromptSources:
        """The sources once `prompt` has begun."""
        earlier = self.past[1 - MOST_PAST :]
        return dataclasses.replace(self, last_prompt=prompt, earlier=earlier)

    def next_prompt(self) -> tuple[PromptSources, PickedPrompt | None]:
        """Loop generation comes first; None when both are off or have nothing to go on."""
        if self.loop and self.curated:
            text = self.curated[self.turn % len(self.curated)]
            return dataclasses.replace(self, turn=self.turn + 1), PickedPrompt(text, "curated")
        if self.auto_extend and self.last_prompt is not None:
            return self, PickedPrompt(self.last_prompt, "auto_extension")
        return self, None
