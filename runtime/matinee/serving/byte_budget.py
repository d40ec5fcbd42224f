"""Memory that strangers may take together, in bytes: what nobody may take alone is no bound.

Each holder says how much it holds now, and is refused what would go beyond. Pure; all calls come
from one thread.
"""

from __future__ import annotations


class OverBudget(Exception):
    """All holders together would hold more than they may."""


class ByteBudget:
    """`limit`: of all shares together."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.held = 0

    def share(self) -> Share:
        """Holds nothing so far."""
        return Share(self)


class Share:
    """What one holder holds. It is given back with `hold(0)`, whatever happens."""

    __slots__ = ("_budget", "_held")

    def __init__(self, budget: ByteBudget) -> None:
        self._budget = budget
        self._held = 0

    def hold(self, nbytes: int) -> None:
        """So much in all, instead of what it held before. Raises `OverBudget`, and then it holds
        what it held; less than before is always granted."""
        budget, more = self._budget, nbytes - self._held
        if more > 0 and budget.held + more > budget.limit:
            raise OverBudget
        budget.held += more
        self._held = nbytes
