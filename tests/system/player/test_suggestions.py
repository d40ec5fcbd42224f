"""Prompts that the server enhances, and others that it offers."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from tests.system.player.browser import settings, submit, until

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

FREE = "a crimson sphere drifting west over navy"
MADE = "a red ball moving left on a blue background"


async def test_an_enhanced_prompt_shows_beside_ones_own_and_one_can_go_back(player: Page) -> None:
    async with settings(player) as sheet:
        await sheet.get_by_label("Let the server enhance each prompt").check()
        await sheet.get_by_label("Steps").fill("1")
    await submit(player, FREE)
    await until(player, "matinee.state.segments[0]?.status === 'done'")
    await expect(player.locator("#enhanced")).to_contain_text(f"Made as {MADE}")
    await expect(player.locator("#reel strong").first).to_have_text(MADE)
    await expect(player.locator("#reel .own").first).to_have_text(FREE)

    await player.get_by_role("button", name="Use my words").click()
    await until(player, "matinee.state.segments[1]?.status === 'done'")
    await expect(player.locator("#enhanced")).to_be_hidden()
    await expect(player.locator("#reel strong").first).to_have_text(FREE)
    assert not await player.locator("#set-enhance").is_checked()


async def test_one_of_three_other_prompts_is_chosen(player: Page) -> None:
    await player.locator("#prompt").fill(FREE)
    await player.get_by_role("button", name="Three other prompts").click()
    others = player.get_by_role("group", name="Other prompts").get_by_role("button")
    await expect(others).to_have_count(3)
    await expect(others.first).to_have_text(MADE)
    await others.first.click()
    await expect(player.locator("#prompt")).to_have_value(MADE)
    await expect(others).to_have_count(0)
