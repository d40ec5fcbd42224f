"""The prompts of one session that wait, and those that it makes when none waits. Pure."""

from __future__ import annotations

import dataclasses
import math
from collections import deque
from dataclasses import dataclass

from matinee.errors import InvalidRequest
from matinee.generation import SegmentRequest
from matinee.prompt import AskedPrompt, PromptSources
from matinee.session.record import PromptsRecord, WaitingRequest
from matinee.session.requests import RequestRules
from matinee.wire.client_messages import (
    PausedUpdated,
    SeedPromptsUpdated,
    SegmentPrompt,
    SessionInit,
    ToggleUpdated,
)


@dataclass(frozen=True, slots=True)
class WaitingPrompt:
    """A checked prompt. `own`: the session made it itself."""

    prompt: SegmentPrompt
    request: SegmentRequest
    received_at: float
    own: bool = False

    def record(self, now: float) -> WaitingRequest:
        return WaitingRequest(
            prompt=self.prompt,
            request=self.request,
            age_s=now - self.received_at,
            own=self.own,
        )

    @classmethod
    def from_record(cls, record: WaitingRequest, now: float) -> WaitingPrompt:
        return cls(record.prompt, record.request, now - record.age_s, record.own)


class PromptQueue:
    """At most `limit` prompts wait. `writes`: somebody enhances, extends and rewrites them. Raises
    `InvalidRequest` for bad curated prompts in `init`.

    A prompt of the session's own that the worker refuses would be made again at once, and without
    end: after `refused` there is none until the client changes something.
    """

    def __init__(
        self, rules: RequestRules, init: SessionInit, limit: int, *, writes: bool = False
    ) -> None:
        self.writes = writes
        self.asked_at = -math.inf
        """When the client's last good prompt came."""
        self._rules = rules
        self._limit = limit
        self._alone = init.single_clip_mode
        self._waiting: deque[WaitingPrompt] = deque()
        self._halted = False
        self._paused = False
        self._enhance = init.enhancement_enabled
        self._sources = PromptSources(
            curated=rules.curated("curated_prompts", init.curated_prompts),
            loop=init.loop_generation_enabled,
            auto_extend=init.auto_extension_enabled,
        )

    def put(self, message: SegmentPrompt, now: float) -> None:
        """Raises `InvalidRequest`; its `param` is empty when there is no room."""
        request = self._rules.request_for(message)
        if len(self._waiting) >= self._limit:
            raise InvalidRequest(
                "", f"{self._limit} requests are waiting already; wait for a segment to end"
            )
        self._halted = False
        self.asked_at = now
        self._waiting.append(WaitingPrompt(message, request, now))

    def take(self, now: float) -> WaitingPrompt | None:
        """The next prompt, whose turn comes now. None while paused."""
        if self._paused:
            return None
        if self._waiting:
            return self._waiting.popleft()
        self._sources, own = self._of_its_own(now)
        return own

    def began(self, prompt: str) -> None:
        """A segment is made of these words."""
        self._sources = self._sources.after(prompt)

    def asked(self, waiting: WaitingPrompt) -> AskedPrompt:
        """What is to be prepared where it is this one's turn."""
        source = waiting.prompt.source
        extends = self.writes and waiting.own and source == "auto_extension"
        enhances = self.writes and self._enhance and not extends and source != "enhanced"
        past = self._sources.past if extends else ()
        return AskedPrompt(waiting.request, source, enhances, past)

    def upcoming(self, now: float) -> AskedPrompt | None:
        """What would be prepared if the next turn came now and it took time; None: nothing."""
        if self._paused or not self.writes:
            return None
        following = self._waiting[0] if self._waiting else self._of_its_own(now)[1]
        asked = None if following is None else self.asked(following)
        return asked if asked is not None and asked.takes_time else None

    def check_seed_prompt(self, prompt: str) -> None:
        """Raises `InvalidRequest`."""
        self._rules.check_seed_prompt(prompt)

    def remove(self, request_id: str) -> int:
        """How many waiting ones had that id."""
        kept = deque(one for one in self._waiting if one.prompt.request_id != request_id)
        removed = len(self._waiting) - len(kept)
        self._waiting = kept
        return removed

    def clear(self) -> None:
        self._waiting.clear()

    def switch(self, message: SeedPromptsUpdated | ToggleUpdated | PausedUpdated) -> None:
        """Raises `InvalidRequest`."""
        match message:
            case PausedUpdated():
                self._paused = message.paused
            case SeedPromptsUpdated():
                prompts = self._rules.curated("seed_prompts", message.seed_prompts)
                self._change(curated=prompts)
            case ToggleUpdated(type="loop_generation_updated"):
                self._change(loop=message.enabled)
            case ToggleUpdated(type="auto_extension_updated"):
                self._change(auto_extend=message.enabled)
            case ToggleUpdated(type="enhancement_updated"):
                self._enhance = message.enabled

    def record(self, now: float) -> PromptsRecord:
        return PromptsRecord(
            waiting=tuple(prompt.record(now) for prompt in self._waiting),
            sources=self._sources,
            halted=self._halted,
            paused=self._paused,
            enhance=self._enhance,
        )

    def restore(self, record: PromptsRecord, now: float) -> None:
        self._waiting = deque(WaitingPrompt.from_record(one, now) for one in record.waiting)
        self._sources = record.sources
        self._halted = record.halted
        self._paused = record.paused
        self._enhance = record.enhance

    def refused(self, prompt: WaitingPrompt) -> None:
        """No segment was made of it."""
        self._halted = self._halted or prompt.own

    def _change(self, **values: object) -> None:
        self._halted = False
        self._sources = dataclasses.replace(self._sources, **values)  # type: ignore[arg-type]

    def _of_its_own(self, now: float) -> tuple[PromptSources, WaitingPrompt | None]:
        """The prompt that loop generation or auto-extension gives when the client sends none, and
        the sources then."""
        if self._alone or self._halted:
            return self._sources, None
        sources, picked = self._sources.next_prompt()
        if picked is None:
            return sources, None
        prompt = SegmentPrompt(
            type="segment_prompt_source", prompt=picked.text, source=picked.source
        )
        return sources, WaitingPrompt(prompt, self._rules.request_for(prompt), now, own=True)
