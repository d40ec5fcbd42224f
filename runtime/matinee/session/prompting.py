"""What is written for a session: its next prompt, the one after it, and others to choose from.

Whatever a preparer or a writer does ends in an answer; nothing of it ends the session.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from matinee.prompt import AskedPrompt, PreparedPrompt, PromptRefused, WriterUnavailable
from matinee.session.effects import CancelPrompt, PrepareAhead, PreparePrompt, RewritePrompt
from matinee.session.opened import Opened
from matinee.session.outlet import Outlet
from matinee.session.preparation import prepare
from matinee.session.reading import with_notes
from matinee.session.studio import Studio
from matinee.wire import server_messages as say

logger = logging.getLogger(__name__)

Outcome = PreparedPrompt | PromptRefused
PromptEffect = PreparePrompt | PrepareAhead | CancelPrompt | RewritePrompt


class Prompting:
    """`tasks` owns the tasks made here."""

    def __init__(
        self,
        opened: Opened,
        studio: Studio,
        outlet: Outlet,
        tasks: asyncio.TaskGroup,
    ) -> None:
        self._opened = opened
        self._studio = studio
        self._outlet = outlet
        self._tasks = tasks
        self._turn: asyncio.Task[None] | None = None
        self._ahead: tuple[AskedPrompt, asyncio.Task[Outcome]] | None = None
        self._rewriting: asyncio.Task[None] | None = None
        self._stopped = False

    def perform(self, effect: PromptEffect, on_change: Callable[[], None]) -> None:
        """`on_change` is called once the session knows more, and kept no longer."""
        if self._stopped:
            return
        match effect:
            case PreparePrompt():
                begun = self._take_ahead(effect.asked)
                self._turn = self._tasks.create_task(self._prepare(effect, begun, on_change))
            case PrepareAhead(asked):
                begun = self._take_ahead(asked)
                if asked is not None:
                    self._ahead = asked, begun or self._begin(asked)
            case CancelPrompt():
                _cancel(self._turn)
            case RewritePrompt():
                self._rewrite(effect)

    def stop(self) -> None:
        """Nobody waits for any of it, nor will."""
        self._stopped = True
        _cancel(self._turn)
        _cancel(self._rewriting)
        self._take_ahead(None)

    def _take_ahead(self, asked: AskedPrompt | None) -> asyncio.Task[Outcome] | None:
        """What was begun of the same; what was begun of something else is given up."""
        ahead, self._ahead = self._ahead, None
        if ahead is None:
            return None
        if ahead[0] == asked:
            return ahead[1]
        ahead[1].cancel()
        return None

    def _begin(self, asked: AskedPrompt) -> asyncio.Task[Outcome]:
        return self._tasks.create_task(self._outcome(asked))

    async def _outcome(self, asked: AskedPrompt) -> Outcome:
        try:
            return await prepare(self._studio.preparer, asked, self._studio.prepare_timeout_s)
        except PromptRefused as why:
            return why

    async def _prepare(
        self,
        order: PreparePrompt,
        begun: asyncio.Task[Outcome] | None,
        on_change: Callable[[], None],
    ) -> None:
        session, now = self._opened.session, self._studio.clock.now
        outcome = await (begun or self._outcome(order.asked))
        if isinstance(outcome, PromptRefused):
            session.prompt_refused(order.turn_id, outcome, now())
        else:
            info, session_id = self._opened.info, self._opened.identity.session_id
            told = await with_notes(outcome, info, self._studio.pool, session_id)
            session.prompt_ready(order.turn_id, told, now())
        on_change()

    def _rewrite(self, order: RewritePrompt) -> None:
        """One at a time, because each may cost somebody money."""
        if self._rewriting is not None and not self._rewriting.done():
            text = "another rewrite is under way; wait for its answer"
            self._refuse(order, "invalid_message", text)
        else:
            self._rewriting = self._tasks.create_task(self._rewritten(order))

    async def _rewritten(self, order: RewritePrompt) -> None:
        limit_s = self._studio.prepare_timeout_s
        try:
            async with asyncio.timeout(limit_s):
                texts = await self._alternatives(order)
        except (WriterUnavailable, TimeoutError):
            text = "no other prompts could be written in time; try again later"
            self._refuse(order, "upstream_timeout", text)
        except Exception:
            logger.exception("a prompt could not be rewritten")
            text = "no other prompts could be written"
            self._refuse(order, "internal_error", text, retryable=False)
        else:
            prompt, number = order.seed_prompt, order.answers
            self._outlet.put(say.SeedPromptsRewritten(prompt, texts, answers=number))

    async def _alternatives(self, order: RewritePrompt) -> tuple[str, ...]:
        writer = self._studio.writer
        if writer is None:
            raise WriterUnavailable
        return await writer.rewrite(order.seed_prompt, order.count)

    def _refuse(
        self, order: RewritePrompt, code: say.ErrorCode, text: str, *, retryable: bool = True
    ) -> None:
        number = order.answers
        error = say.Error(code, text, retryable, param="seed_prompt", answers=number)
        self._outlet.put(error)


def _cancel(task: asyncio.Task[None] | None) -> None:
    if task is not None:
        task.cancel()
