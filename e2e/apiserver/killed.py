"""A story that is told once undisturbed, and once for every point at which its operator can be
killed: all of them have to come to the same end.

A killed process leaves what it wrote, and nothing else: no memory outlives it, and what it read or
computed changed nothing. So "after write n" and "before write n + 1" are one point, and a story of
N writes has N + 1 of them: before the first write, and after each one. After a write means before
its answer was read, so that the writer never knew of it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import aiohttp

from e2e.apiserver.side_by_side import side_by_side
from e2e.apiserver.story import Killed, Life, MortalKube
from matinee_operator.clients.kube import Kube

LEAST_WRITES = 30
"""A story of fewer is not the whole one."""


class Operator:
    """One that is killed at most once, and followed by another at once."""

    def __init__(
        self,
        kube: Kube,
        session: aiohttp.ClientSession,
        namespace: str,
        dies_after: int | None = None,
    ) -> None:
        self._next = partial(Life, session=session, namespace=namespace)
        self._kube, self._mortal = kube, MortalKube(kube, dies_after)
        self._life = self._next(self._mortal)

    @property
    def writes(self) -> int:
        """Of the first one."""
        return self._mortal.writes

    async def settle(self) -> None:
        try:
            await self._life.settle()
        except Killed:
            self._life = self._next(MortalKube(self._kube))
            await self._life.settle()


Tell = Callable[[str, Operator], Awaitable[Any]]
"""Tells the story in that namespace, with that operator; what is to be the same in the end."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Where the stories are told: in namespaces that `make_namespace` makes, whose names begin with
    `name`.
    """

    kube: Kube
    session: aiohttp.ClientSession
    name: str
    make_namespace: Callable[[str], Awaitable[str]]

    async def told(self, tell: Tell, suffix: str, dies_after: int | None) -> tuple[int, Any]:
        """How often its first operator wrote, and the end."""
        place = await self.make_namespace(f"{self.name}-{suffix}")
        operator = Operator(self.kube, self.session, place, dies_after)
        end = await tell(place, operator)
        return operator.writes, end


async def the_same_end_wherever_it_is_killed(stage: Stage, tell: Tell) -> Any:
    """The end. What differs is named by the write after which the operator was killed."""
    writes, expected = await stage.told(tell, "undisturbed", None)
    assert writes >= LEAST_WRITES
    stories = {
        f"killed after write {number} of {writes}": partial(stage.told, tell, f"{number}", number)
        for number in range(writes + 1)
    }
    ends = await side_by_side(stories)
    wrong = [point for number, (point, end) in enumerate(ends.items()) if end != (number, expected)]
    if wrong:
        first = ends[wrong[0]]
        message = f"{', '.join(wrong)}. The first: {first!r}; expected: {expected!r}"
        raise AssertionError(message) from (first if isinstance(first, BaseException) else None)
    return expected
