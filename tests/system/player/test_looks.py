"""Light and dark, desktop and phone, motion and names: what can be told without an eye."""

from __future__ import annotations

import pytest

from tests.system.browser import Page

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

BRIGHTNESS = """
(() => {
    const of = (element, property) => {
        const context = new OffscreenCanvas(1, 1).getContext("2d");
        context.fillStyle = getComputedStyle(element)[property];
        context.fillRect(0, 0, 1, 1);
        return context.getImageData(0, 0, 1, 1).data.slice(0, 3).reduce((a, b) => a + b) / 765;
    };
    return [of(document.documentElement, "backgroundColor"), of(document.body, "color")];
})()
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_page_follows_the_systems_colours(player: Page, scheme: str) -> None:
    await player.prefer(prefers_color_scheme=scheme)
    ground, text = await player.evaluate(BRIGHTNESS)
    if scheme == "light":
        assert (ground > 0.85, text < 0.2) == (True, True)
    else:
        assert (ground < 0.15, text > 0.85) == (True, True)


@pytest.mark.parametrize(("width", "height"), [(390, 844), (320, 568), (844, 390), (1440, 900)])
async def test_nothing_sticks_out_at_the_side(player: Page, width: int, height: int) -> None:
    await player.resize(width, height)
    assert await player.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    outside = await player.evaluate(
        """[...document.querySelectorAll(".stage, #prompt, #send, .brand, .stats dd, .switch")]
            .filter((one) => one.checkVisibility())
            .filter((one) => {
                const { left, right } = one.getBoundingClientRect();
                return left < 0 || right > innerWidth + 0.5;
            })
            .map((one) => one.id || one.className)"""
    )
    assert outside == []


async def test_stage_and_prompt_are_in_sight_on_a_phone(player: Page) -> None:
    await player.resize(390, 844)
    for element in ("stage", "prompt", "send"):
        bottom = await player.evaluate(
            f"document.getElementById('{element}').getBoundingClientRect().bottom"
        )
        assert 0 < bottom <= 844, element


async def test_nothing_moves_for_those_who_want_it_calm(player: Page) -> None:
    await player.prefer(prefers_reduced_motion="reduce")
    moving = await player.evaluate(
        """[...document.querySelectorAll("*")].filter((one) => {
            const { animationName, transitionDuration } = getComputedStyle(one);
            return animationName !== "none" || transitionDuration !== "0s";
        }).length"""
    )
    assert moving == 0


async def test_every_control_has_a_name(player: Page) -> None:
    tree = await player.call("Accessibility.getFullAXTree")
    nodes = [(node["role"]["value"], node.get("name", {}).get("value")) for node in tree["nodes"]]
    controls = [node for node in nodes if node[0] in {"button", "textbox", "switch", "progressbar"}]
    assert {role for role, _ in controls} >= {"button", "textbox", "switch"}
    assert [node for node in controls if not node[1]] == []


async def test_a_focused_control_shows_it(player: Page) -> None:
    await player.press("Tab")
    outline = await player.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
