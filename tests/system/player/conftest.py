"""One browser and one server for all tests of this folder: both take seconds to start."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from tests.places import ROOT
from tests.system.browser import Chromium, Page
from tests.system.end_to_end.serving import Server, matinee_up, running


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def chromium(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Chromium]:
    async with Chromium.start(tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """What a user starts: `matinee up` with the quickstart and the bundled model."""
    log = tmp_path_factory.mktemp("server") / "log"
    with running(matinee_up(ROOT / "examples" / "quickstart.yaml"), log) as server:
        yield server


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
