from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from matinee.server.app import control_app, public_app
from matinee.serving.access import ControlAccess
from tests.system.tools.test_limits_page import paths
from tests.unit.runtime.server.making import life_of
from tools.fuzz import http, inside, scripts
from tools.fuzz.run import KINDS, SHARES, Failure, Plan, fuzz


@pytest.mark.parametrize("make", [scripts.messages, scripts.frames, http.requests])
def test_a_script_is_made_from_its_seed_alone(make: object) -> None:
    assert callable(make)
    plan = Plan(seed=7, cases=0)
    first, again, other = (make(plan.random("a", number)) for number in (3, 3, 4))
    assert first == again
    assert first != other


def test_every_route_is_asked() -> None:
    life, access = life_of(), ControlAccess()
    apps = (public_app(life, access), control_app(life, access))
    asked = {path for app in apps for path in paths(app.routes) if "{" not in path}
    assert asked - set(http.PATHS) == set()


def test_all_cases_are_shared_out() -> None:
    assert sum(SHARES.values()) == pytest.approx(1)
    assert sum(Plan(7, 1000).share(kind) for kind in KINDS) == 1000
    assert [Plan(7, 1000, only="http").share(kind) for kind in ("http", "frames")] == [1000, 0]


def test_a_failure_says_how_to_see_it_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fragile(rng: Random) -> int:
        case = rng.randrange(10)
        if case == 0:
            raise inside.Broken("a parser let a ValueError out", b"\xff0")
        return 1

    monkeypatch.setitem(inside.INSIDE, "origins", fragile)
    with pytest.raises(Failure) as first:
        list(fuzz(Plan(7, 1000, only="origins"), tmp_path))
    what, sent, command = str(first.value).splitlines()
    assert what.endswith("a parser let a ValueError out")
    assert sent == "sent (2 bytes): b'\\xff0'"
    assert command.startswith("again: python -m tools.fuzz --seed 7 --only origins --first ")

    number = int(command.split("--first ")[1].split()[0])
    again = Plan(7, 1000, only="origins", first=number, scripts=1)
    with pytest.raises(Failure, match=command.removeprefix("again: ")):
        list(fuzz(again, tmp_path))
