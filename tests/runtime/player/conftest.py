"""One browser and one server for all tests of this folder: both take seconds to start."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.browser import Chromium, Page
from tests.runtime.player.serving import QUICKSTART, Server, matinee_up


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def chromium(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Chromium]:
    async with Chromium.start(tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def server() -> AsyncIterator[Server]:
    """`matinee up -f examples/quickstart.yaml`."""
    async with matinee_up(QUICKSTART) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def tab(chromium: Chromium) -> AsyncIterator[Page]:
    """An empty tab of desktop size."""
    async with chromium.page() as page:
        yield page


@pytest_asyncio.fixture(loop_scope="session")
async def player(tab: Page, server: Server) -> Page:
    """The player, connected, with the cursor in the prompt box."""
    await tab.goto(f"{server.url}/player")
    await tab.wait_for("matinee.state.phase === 'ready'")
    await tab.evaluate("document.getElementById('prompt').focus()")
    return tab
