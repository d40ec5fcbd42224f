"""One browser and one server for all tests of this folder: both take seconds to start."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.places import ROOT
from tests.system.end_to_end.serving import Server, matinee_up, running
from tests.system.player import browser


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    async with browser.chromium() as program:
        yield program


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """What a user starts: `matinee up` with the quickstart and the bundled model."""
    log = tmp_path_factory.mktemp("server") / "log"
    with running(matinee_up(ROOT / "examples" / "quickstart.yaml"), log) as server:
        yield server


@pytest.fixture
def device() -> dict[str, Any]:
    """What the viewer sits at, as options of a browser context. Tests put others in its place."""
    return {"viewport": {"width": 1440, "height": 900}}


@pytest_asyncio.fixture(loop_scope="session")
async def tab(chromium: Browser, device: dict[str, Any]) -> AsyncIterator[Page]:
    """An empty page."""
    async with browser.opened(chromium, **device) as page:
        yield page


@pytest_asyncio.fixture(loop_scope="session")
async def player(tab: Page, server: Server) -> AsyncIterator[Page]:
    """The player, connected, with the cursor in the prompt box. No test makes it write errors."""
    await tab.goto(f"{server.url}/player")
    await expect(tab.locator("#link-text")).to_have_text("Connected")
    await tab.locator("#prompt").focus()
    yield tab
    assert await browser.errors_of(tab) == []
