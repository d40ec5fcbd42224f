"""The actions of a plan, each whatever became of those before it: they do not build on each other,
but for those that say what they need.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from matinee_operator.actions import (
    Action,
    Apply,
    Create,
    Delete,
    Drain,
    Patch,
    RecordEvent,
    Requeue,
    SetDoor,
)
from matinee_operator.clients.events import Events
from matinee_operator.clients.pod_feeds import PodFeeds
from matinee_operator.clients.writes import Writes
from matinee_operator.errors import OperatorError
from matinee_operator.objects import Key, key_of


@dataclass(slots=True)
class Performed:
    """What became of a plan. `unwritten`: the objects that could not be written."""

    again_s: float | None = None
    failures: list[OperatorError] = field(default_factory=list)
    unwritten: set[Key] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class About:
    """The object that is reconciled. `tokens`: each of its pods wants one of them of who gives it
    orders."""

    key: Key
    uid: str
    tokens: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Performing:
    writes: Writes
    events: Events
    feeds: PodFeeds

    async def perform(self, about: About, actions: Iterable[Action]) -> Performed:
        done = Performed()
        for action in actions:
            if isinstance(action, Requeue):
                done.again_s = min(action.after_s, done.again_s or action.after_s)
            elif done.unwritten.intersection(_needs(action)):
                done.unwritten |= _written(action)
            else:
                await self._try(about, action, done)
        return done

    async def _try(
        self,
        about: About,
        action: Apply | Create | Patch | Delete | Drain | SetDoor | RecordEvent,
        done: Performed,
    ) -> None:
        try:
            match action:
                case RecordEvent():
                    await self.events.record(about.key, about.uid, action)
                case Drain() | SetDoor():
                    await self.feeds.order(action, about.tokens)
                case Apply() | Create() | Patch() | Delete():
                    await self.writes.carry_out(action)
        except OperatorError as error:
            done.failures.append(error)
            done.unwritten |= _written(action)


def _needs(action: Action) -> tuple[Key, ...]:
    return action.needs if isinstance(action, Create | RecordEvent) else ()


def _written(action: Action) -> set[Key]:
    match action:
        case Apply() | Create():
            return {key_of(action.manifest)}
        case Patch() | Delete():
            return {action.target}
    return set()
