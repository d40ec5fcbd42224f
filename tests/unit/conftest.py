"""Unit tests are quick: 2 s of the processor's time each, 10 s for all of them together.

Processor time, because it is almost the same on a machine that is busy with something else, and
more where that is slower than the one of `.ci/budget.json`. What needs more belongs in
tests/system: processes, torch, encoders, browsers, whole servers.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator

import pytest
from hypothesis import settings
from hypothesis.strategies import text

from tools.ci import budget

EACH_S, ALL_S = 2.0, 10.0
TIMEOUT_S = 20
"""Of the clock on the wall: whoever waits for so long waits for ever."""
settings.register_profile("quick", deadline=None, max_examples=40)
settings.load_profile("quick")
SPENT = pytest.StashKey[float]()


def processor_s() -> float:
    """Of this process and of those that it started and that have ended."""
    return sum(os.times()[:4])


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(config.rootpath / "tests" / "unit"):
            item.add_marker(pytest.mark.timeout(TIMEOUT_S), append=False)


@pytest.fixture(scope="session", autouse=True)
def _all_are_quick(pytestconfig: pytest.Config) -> Iterator[None]:
    gc.freeze()  # what was imported stays, and need not be looked through again
    text().validate()  # Hypothesis reads the tables of Unicode: once, and for no test in particular
    pytestconfig.stash[SPENT] = 0.0
    yield
    spent = pytestconfig.stash[SPENT]
    if spent > ALL_S and spent > ALL_S * budget.slowness():
        pytest.fail(f"the unit tests took {spent:.1f} s of the processor", pytrace=False)


@pytest.fixture(autouse=True)
def _is_quick(pytestconfig: pytest.Config) -> Iterator[None]:
    began = processor_s()
    yield
    took = processor_s() - began
    pytestconfig.stash[SPENT] += took
    if took > EACH_S and took > EACH_S * budget.slowness():
        pytest.fail(f"this test took {took:.1f} s of the processor: see tests/unit/conftest.py")


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    spent = config.stash.get(SPENT, 0.0)
    terminalreporter.write_line(f"unit tests: {spent:.1f} s of the processor, of {ALL_S:.0f} s")
