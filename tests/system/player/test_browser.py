from __future__ import annotations

import asyncio
import time

import psutil
import pytest
from playwright.async_api import Page
from playwright.async_api import TimeoutError as PlaywrightTimeout

from tests.system.end_to_end.serving import Server
from tests.system.player.browser import PATIENCE_S, chromium, errors_of, until

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


FAULTS = """
(async () => {
    console.info("fine");
    console.error("told", 1);
    document.body.insertAdjacentHTML("beforeend", "<p style='color: red'></p>");
    await fetch("player/missing.js");
    await new Promise((resolve) => {
        setTimeout(() => { setTimeout(resolve); throw Error("thrown"); });
    });
})()
"""


def runs(process: psutil.Process) -> bool:
    """It is neither gone nor a zombie whose parent has not looked."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def test_neither_the_browser_nor_its_driver_outlive_the_block() -> None:
    tests = psutil.Process()
    before = set(tests.children(recursive=True))
    async with chromium():
        started = set(tests.children(recursive=True)) - before
    assert len(started) > 1
    deadline = time.monotonic() + PATIENCE_S
    while any(map(runs, started)):
        assert time.monotonic() < deadline, list(filter(runs, started))
        await asyncio.sleep(0)


async def test_a_wait_works_under_the_policy_of_the_player_s_page(player: Page) -> None:
    await player.evaluate("setTimeout(() => { window.later = { here: 1 }; }, 50)")
    assert await until(player, "window.later") == {"here": 1}


async def test_a_wait_in_vain_says_for_what_and_where_the_player_stands(player: Page) -> None:
    with pytest.raises(PlaywrightTimeout) as late:
        await until(player, "matinee.state.phase === 'nowhere'", timeout_s=0.05)
    (note,) = late.value.__notes__
    assert note.startswith("still not: matinee.state.phase === 'nowhere'\nstate: {")
    assert '"phase":"ready"' in note


async def test_all_that_is_wrong_with_a_page_is_among_its_errors(tab: Page, server: Server) -> None:
    await tab.goto(f"{server.url}/player")
    await tab.evaluate(FAULTS)
    thrown, *told = await errors_of(tab)
    assert thrown == "thrown"
    for part, error in zip(("told 1", "Content Security Policy", "404"), told, strict=True):
        assert part in error
