"""The end of tasks that somebody owns."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

logger = logging.getLogger(__name__)


async def stopped(task: asyncio.Task[Any] | None) -> None:
    """Cancel a task and wait for its end. A mistake that ended it before is logged."""
    if task is None:
        return
    task.cancel()
    await asyncio.wait([task])
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.error("%s failed", task.get_name(), exc_info=error)
