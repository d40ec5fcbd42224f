"""A run: all kinds, one after the other, and what a failure says: how to see it again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

from tools.fuzz.inside import INSIDE, Broken
from tools.fuzz.outside import OUTSIDE, alive
from tools.fuzz.target import Target, holdings, leaks, mistakes, target, undrain

SHARES = {
    "parsers": 0.20,
    "sessions": 0.20,
    "decoders": 0.03,
    "origins": 0.02,
    "messages": 0.30,
    "frames": 0.15,
    "http": 0.10,
}
"""Of all cases."""
KINDS = tuple(SHARES)
OUTSIDE_SHARE = sum(SHARES[kind] for kind in OUTSIDE)
AT_ONCE = 16
BETWEEN_LOOKS = 256
"""Scripts from one look at the log to the next: so many may have to be played again."""
WARM_UP = 0.5
"""Of a kind's cases, before the server's memory is looked at."""
SHOWN_BYTES = 2000

Play = Callable[[int, Random], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Plan:
    """`only`: a kind. `first`: the number of its first script. `scripts`: so many, whatever
    `cases`. `router`: the server is behind one, and all cases are what it is sent."""

    seed: int
    cases: int
    only: str | None = None
    first: int = 0
    scripts: int | None = None
    router: bool = False

    def share(self, kind: str) -> int:
        if self.only is not None:
            return self.cases if kind == self.only else 0
        if not self.router:
            return round(self.cases * SHARES[kind])
        return round(self.cases * SHARES[kind] / OUTSIDE_SHARE) if kind in OUTSIDE else 0

    def random(self, kind: str, number: int) -> Random:
        return Random(f"{self.seed}/{kind}/{number}")


class Failure(Exception):
    """What broke, what was sent last, and the command that does it again."""

    def __init__(
        self, plan: Plan, kind: str, first: int, scripts: int, what: str, sent: object = None
    ) -> None:
        shown = sent if sent is None or isinstance(sent, bytes) else str(sent).encode()
        lines = [f"fuzz: {kind}, script {first}: {what}"]
        if shown:
            lines.append(f"sent ({len(shown)} bytes): {shown[:SHOWN_BYTES]!r}")
        lines.append(
            f"again: python -m tools.fuzz{' --router' * plan.router} --seed {plan.seed} "
            f"--only {kind} --first {first} --scripts {scripts}"
        )
        super().__init__("\n".join(lines))


def fuzz(plan: Plan, folder: Path) -> Iterator[str]:
    """A line for each kind. `folder`: for the server's log. Raises `Failure`."""
    for kind in INSIDE:
        if plan.share(kind):
            yield _inside(plan, kind)
    if any(plan.share(kind) for kind in OUTSIDE):
        with target(folder, behind_a_router=plan.router) as attacked:
            yield from _outside(plan, attacked)


def _inside(plan: Plan, kind: str) -> str:
    cases, number = 0, plan.first
    while _goes_on(plan, kind, cases, number):
        try:
            cases += INSIDE[kind](plan.random(kind, number))
        except Broken as broken:
            raise Failure(plan, kind, number, 1, str(broken), broken.sent) from broken
        except Exception as error:
            raise Failure(plan, kind, number, 1, repr(error)) from error
        number += 1
    return f"{kind}: {cases} cases in {number - plan.first} scripts"


def _outside(plan: Plan, attacked: Target) -> Iterator[str]:
    """A part of every kind as warm-up, then the rest."""
    kinds = [kind for kind in OUTSIDE if plan.share(kind)]
    warm = replace(plan, cases=round(plan.cases * WARM_UP))
    numbers = dict.fromkeys(kinds, plan.first)
    done = dict.fromkeys(kinds, 0)
    for part in (warm, replace(plan, cases=plan.cases - warm.cases)):
        before = holdings(attacked)
        for kind in kinds:
            scripts, cases = asyncio.run(_play(replace(part, first=numbers[kind]), kind, attacked))
            numbers[kind] += scripts
            done[kind] += cases
        if plan.scripts is not None:
            break
    for kind in kinds:
        yield f"{kind}: {done[kind]} cases in {numbers[kind] - plan.first} scripts"
    if plan.scripts is None and (grown := leaks(attacked, before)):
        raise Failure(plan, kinds[0], plan.first, numbers[kinds[0]], "; ".join(grown))
    yield f"before {before}"
    yield f"after  {holdings(attacked)}"


async def _play(plan: Plan, kind: str, attacked: Target) -> tuple[int, int]:
    """How many scripts and cases were played. Raises `Failure`."""
    number, cases = plan.first, 0
    while _goes_on(plan, kind, cases, number):
        first = number
        while _goes_on(plan, kind, cases, number) and number < first + BETWEEN_LOOKS:
            numbers = range(number, number + _together(plan, number))
            played = await asyncio.gather(
                *(_one(plan, kind, one, attacked.port) for one in numbers)
            )
            cases += sum(played)
            number = numbers.stop
        await alive(attacked.port)
        if found := mistakes(attacked):
            raise Failure(plan, kind, first, number - first, "\n".join(found[:5]))
        undrain(attacked.server)
    return number - plan.first, cases


def _together(plan: Plan, number: int) -> int:
    if plan.scripts is None:
        return AT_ONCE
    return min(AT_ONCE, plan.first + plan.scripts - number)


async def _one(plan: Plan, kind: str, number: int, port: int) -> int:
    try:
        return await OUTSIDE[kind](port, plan.random(kind, number))
    except Broken as broken:
        raise Failure(plan, kind, number, 1, str(broken), broken.sent) from broken
    except (OSError, EOFError, TimeoutError) as error:
        raise Failure(plan, kind, number, 1, repr(error)) from error


def _goes_on(plan: Plan, kind: str, cases: int, number: int) -> bool:
    if plan.scripts is not None:
        return number < plan.first + plan.scripts
    return cases < plan.share(kind)
