"""Light and dark, desktop and phone, motion and names: what can be told without an eye."""

from __future__ import annotations

import re
from typing import Any, Literal

import pytest
from playwright.async_api import Page, expect

from tests.system.player.browser import done, submit, until

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

Role = Literal["button", "textbox", "switch", "progressbar"]

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

FOCUSED = """
(() => {
    const one = document.activeElement;
    one.parentElement?.getAnimations().forEach((fading) => fading.finish());
    const { outlineStyle, outlineWidth } = getComputedStyle(one);
    const outlined = outlineStyle === "solid" && outlineWidth === "2px";
    const framed = getComputedStyle(one.parentElement).boxShadow.includes("4px");
    const name = one.id || one.getAttribute("aria-label") || one.className || one.textContent;
    if (one === document.body) return ["nothing, behind the last", true];
    return [one.className === "brand" ? "brand" : name, outlined || framed];
})()
"""

REACHABLE = {
    *("brand", "open-settings", "open-keys", "pause", "full"),
    *("prompt", "send", "picture-choose", "keep-going", "save-all", "card"),
    *("red ball on blue", "Save clip 1"),
}
"""By the keyboard, when a segment has played."""


def phone(width: int, height: int) -> dict[str, Any]:
    return {**desktop(width, height), "is_mobile": True, "has_touch": True}


def desktop(width: int, height: int) -> dict[str, Any]:
    return {"viewport": {"width": width, "height": height}}


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_page_follows_the_systems_colours(
    player: Page, scheme: Literal["light", "dark"]
) -> None:
    await player.emulate_media(color_scheme=scheme)
    ground, text = await player.evaluate(BRIGHTNESS)
    if scheme == "light":
        assert (ground > 0.85, text < 0.2) == (True, True)
    else:
        assert (ground < 0.15, text > 0.85) == (True, True)


@pytest.mark.parametrize(
    "device",
    [phone(390, 844), phone(320, 568), desktop(844, 390), desktop(1440, 900)],
    ids=["phone", "small phone", "low window", "desktop"],
)
async def test_nothing_sticks_out_at_the_side(player: Page, device: dict[str, Any]) -> None:
    assert await player.evaluate("innerWidth") == device["viewport"]["width"]
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


@pytest.mark.parametrize("device", [phone(390, 844)], ids=["phone"])
async def test_stage_and_prompt_are_in_sight_on_a_phone(player: Page) -> None:
    assert await player.evaluate("scrollY") == 0
    for element in ("stage", "prompt", "send"):
        await expect(player.locator(f"#{element}")).to_be_in_viewport(ratio=1)


async def test_nothing_moves_for_those_who_want_it_calm(player: Page) -> None:
    await player.emulate_media(reduced_motion="reduce")
    moving = await player.evaluate(
        """[...document.querySelectorAll("*")].filter((one) => {
            const { animationName, transitionDuration } = getComputedStyle(one);
            return animationName !== "none" || transitionDuration !== "0s";
        }).length"""
    )
    assert moving == 0


async def test_every_control_has_a_name(player: Page) -> None:
    roles: tuple[Role, ...] = ("button", "textbox", "switch", "progressbar")
    for role in roles:
        controls = await player.get_by_role(role).all()
        assert controls, role
        for control in controls:
            await expect(control).to_have_accessible_name(re.compile(r"\w"))


async def test_the_keyboard_reaches_everything_and_shows_where_it_is(player: Page) -> None:
    await player.emulate_media(reduced_motion="reduce")
    await submit(player, "a red ball moving left on a blue background")
    await until(player, done(0))
    reached: dict[str, bool] = {}
    while True:
        await player.keyboard.press("Tab")
        name, visible = await player.evaluate(FOCUSED)
        if name in reached:
            break
        reached[name] = visible
    assert reached.keys() >= REACHABLE
    assert [name for name, visible in reached.items() if not visible] == []
