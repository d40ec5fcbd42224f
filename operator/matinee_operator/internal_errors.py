"""Exceptions that nobody expected: bugs. Each is counted, and logged with its traceback once for an
object, not at every retry.
"""

from __future__ import annotations

import logging
import traceback
from dataclasses import dataclass, field

from matinee_api.kinds import conditions
from matinee_operator.metrics import Metrics
from matinee_operator.objects import Key
from matinee_operator.observe.pod_trouble import Trouble

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class InternalErrors:
    """What is wrong with which object, until it was reconciled."""

    metrics: Metrics
    _known: dict[Key, str] = field(default_factory=dict)

    def note(self, key: Key, error: Exception) -> Trouble:
        """For the object's status."""
        self.metrics.count("internal_errors_total", kind=key.kind)
        place = _place(error)
        if self._known.get(key) != place:
            self._known[key] = place
            logger.error("%s cannot be reconciled: this is a bug", key, exc_info=error)
        summary = f"a bug in the operator: {type(error).__name__}: {error}"
        return Trouble(conditions.INTERNAL_ERROR, f"{summary}; its log has the traceback")

    def forget(self, key: Key) -> None:
        self._known.pop(key, None)


def _place(error: Exception) -> str:
    """The class and the line that raised it: messages may differ each time."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} {frame.filename}:{frame.lineno}"
