"""How often, and after which pauses, a source that does not answer is asked again."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from matinee.weights.fetch.errors import FetchFailed, TransferBroken
from matinee_api.backoff import backoff

logger = logging.getLogger(__name__)
T = TypeVar("T")

FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 8.0
TRIES = 5
"""A Job tries again anyway, so these bridge hiccups only."""


@dataclass
class Retry:
    """`failed()` after each try that brought nothing, `reset()` after progress."""

    where: str
    """The source, for messages."""
    sleep: Callable[[float], None] = time.sleep
    _failures: int = field(default=0, init=False)

    def reset(self) -> None:
        self._failures = 0

    def failed(self, error: TransferBroken) -> None:
        """Wait before the next retry.

        Raises:
            FetchFailed: `SourceUnreachable`: enough tries were in vain.
        """
        self._failures += 1
        if self._failures == TRIES:
            raise FetchFailed(
                "SourceUnreachable",
                f"{self.where} does not answer: {error}; check its address, DNS and the network "
                "policies of this namespace",
            ) from error
        pause_s = backoff(self._failures, FIRST_PAUSE_S, LONGEST_PAUSE_S)
        logger.warning("%s: %s; retry in %g s", self.where, error, pause_s)
        self.sleep(pause_s)

    def call(self, ask: Callable[[], T]) -> T:
        """The answer, sooner or later; raises as `failed` does, and whatever else `ask` does."""
        while True:
            try:
                return ask()
            except TransferBroken as error:
                self.failed(error)
