"""Firefox plays what Chromium plays, the page of the docs too, and lays the page out as well."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.system.end_to_end.serving import Server
from tests.system.player.firefox import firefox
from tests.system.player.test_layout import FAULTS, SIZES
from tests.system.player.test_watching import DOCS

pytestmark = [pytest.mark.firefox, pytest.mark.asyncio(loop_scope="session")]

RED = "a red ball moving left on a blue background"


async def test_firefox_plays_two_segments_as_one_and_the_page_of_the_docs(
    server: Server, tmp_path: Path
) -> None:
    async with firefox(tmp_path) as page:
        await page.go(f"{server.url}/player")
        await page.until("matinee.state.phase === 'ready'")
        faults = {}
        for width, height in SIZES:
            await page.resize(width, height)
            faults[width, height] = await page.evaluate(f"({FAULTS})()")
        assert {size: found for size, found in faults.items() if found} == {}

        await page.evaluate("document.getElementById('prompt').focus()")
        for number in range(2):
            await page.submit(RED)
            await page.until(f"matinee.state.segments[{number}]?.status === 'done'")
        await page.until("matinee.state.currentTime > 3 && matinee.state.moving")
        state = await page.evaluate("matinee.state")
        assert (len(state["ranges"]), state["rebuilds"], state["problem"]) == (1, 0, None)

        await page.go(f"{server.url}/healthz")
        found = re.search(
            r"```html\n(.*?)<script type=\"module\">\n(.*?)</script>", DOCS.read_text(), re.DOTALL
        )
        assert found is not None
        script = found[2].replace("127.0.0.1:8000", f"127.0.0.1:{server.port}")
        await page.evaluate(f"document.body.innerHTML = {json.dumps(found[1])}")
        await page.evaluate(f"(() => {{ {script} }})()")
        await page.until("document.getElementById('video').currentTime > 1")
