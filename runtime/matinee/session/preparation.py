"""A prompt's preparation, whatever the preparer does: it is bounded in time, and a mistake in it is
that prompt's end, not the session's.
"""

from __future__ import annotations

import asyncio
import logging

from matinee.prompt import AskedPrompt, PreparedPrompt, Preparer, PromptRefused

logger = logging.getLogger(__name__)


async def prepare(preparer: Preparer, asked: AskedPrompt, timeout_s: float) -> PreparedPrompt:
    """Raises `PromptRefused`, also for what the preparer raises and when it takes too long."""
    try:
        async with asyncio.timeout(timeout_s) as limit:
            return await preparer.prepare(asked)
    except PromptRefused:
        raise
    except Exception as error:
        if limit.expired():
            message = f"preparing the prompt took longer than {timeout_s:g} s; send it again"
            raise PromptRefused("upstream_timeout", message, retryable=True) from error
        logger.exception("a prompt could not be prepared")
        raise PromptRefused("internal_error", "the prompt could not be prepared") from error
