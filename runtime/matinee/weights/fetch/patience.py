"""How often, and after which pauses, a source that does not answer is asked again."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from matinee.weights.fetch.errors import FetchFailed, TransferBroken

logger = logging.getLogger(__name__)
T = TypeVar("T")

PAUSES_S = (1.0, 2.0, 4.0, 8.0)
"""Before the second, third… try. A Job tries again anyway, so this bridges hiccups only."""


@dataclass
class Patience:
    """One bout: `lost()` after each try that brought nothing, `refreshed()` after progress."""

    where: str
    """The source, for messages."""
    sleep: Callable[[float], None] = time.sleep
    _lost: int = field(default=0, init=False)

    def refreshed(self) -> None:
        self._lost = 0

    def lost(self, error: TransferBroken) -> None:
        """Wait for the next try.

        Raises:
            FetchFailed: `SourceUnreachable`: enough tries were in vain.
        """
        if self._lost == len(PAUSES_S):
            raise FetchFailed(
                "SourceUnreachable",
                f"{self.where} does not answer: {error}; check its address, DNS and the network "
                "policies of this namespace",
            ) from error
        pause_s = PAUSES_S[self._lost]
        self._lost += 1
        logger.warning("%s: %s; next try in %g s", self.where, error, pause_s)
        self.sleep(pause_s)

    def ask(self, question: Callable[[], T]) -> T:
        """The answer, sooner or later; raises as `lost` does, and whatever else `question` does."""
        while True:
            try:
                return question()
            except TransferBroken as error:
                self.lost(error)
