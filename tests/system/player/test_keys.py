"""The player at a router that wants a key: it asks for one, and opens streams with tickets."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml
from playwright.async_api import Page, expect

from tests.system.end_to_end.serving import fake_server, running
from tests.system.player.browser import done, submit, until
from tests.system.router.routing import know_slots, routing

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

KEY = "alice-has-a-long-key"
REMEMBER_PROTOCOLS = """
window.offered = [];
window.WebSocket = class extends WebSocket {
    constructor(url, protocols) { super(url, protocols); offered.push(protocols); }
};
"""


async def test_the_page_asks_for_a_key_and_goes_on_with_it_after_it_was_loaded_again(
    tab: Page, tmp_path: Path
) -> None:
    keys = tmp_path / "keys.yaml"
    keys.write_text(yaml.safe_dump({"keys": [{"name": "alice", "key": KEY}]}))
    with ExitStack() as stack:
        pod = stack.enter_context(running(fake_server(), tmp_path / "log"))
        router = stack.enter_context(routing(tmp_path, [pod.url], keys_file=str(keys)))
        know_slots(router, [pod.url])
        await tab.add_init_script(REMEMBER_PROTOCOLS)
        await tab.goto(f"{router.url}/player")
        await until(tab, "matinee.state.problem?.name === 'unauthorized'")
        await expect(tab.locator("#key")).to_be_focused()
        await tab.keyboard.insert_text("not-a-key-of-anybody")
        await tab.keyboard.press("Enter")
        await until(tab, "matinee.events.filter((one) => one.type === 'closed').length === 2")
        await until(tab, "matinee.state.problem?.name === 'unauthorized'")
        await tab.locator("#key").fill(KEY)
        await tab.keyboard.press("Enter")
        await until(tab, "matinee.state.phase === 'ready'")
        await expect(tab.locator("#set-steps")).to_have_attribute("placeholder", "4")
        await tab.reload()
        await until(tab, "matinee.state.phase === 'ready'")
        await tab.locator("#prompt").focus()
        await submit(tab, "a red ball")
        await until(tab, done(0))
        ((agreed, ticket),) = await tab.evaluate("offered")
    assert (agreed, KEY in ticket) == ("matinee", False)
    assert ticket.startswith("matinee.ticket.")
