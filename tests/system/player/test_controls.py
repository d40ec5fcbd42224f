"""Keys, buttons and settings of the player, driven as a viewer would."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Locator, Page, expect

from tests.system.end_to_end.serving import Server, fake_server, running
from tests.system.player.browser import changed, done, errors_of, settings, submit, until
from tests.unit.runtime.worker.stepping import Gate, step_until

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

RED = "a red ball moving left on a blue background"
GREEN = "a green box moving up on a white background"

NEXT_PROMPT = """
async ([prompt, changes]) => {
    const { nextPrompt } = await import("/player/ahead.js");
    const segment = { status: "done", generationMs: 300, request: { prompt } };
    const watching = { keepGoing: true, hidden: false, paused: false, ahead: 0.4 };
    const session = { phase: "ready", requests: [], segments: [segment] };
    return changes.map((change) => nextPrompt({ ...watching, session, ...change }));
}
"""


def prompt_of(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Prompt")


async def leave(page: Page) -> None:
    """Take the cursor out of the prompt box."""
    await prompt_of(page).blur()


@pytest.fixture(scope="module")
def stepping(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Its engine stops before each step of the prompts that say so."""
    with running(fake_server(), tmp_path_factory.mktemp("stepping") / "log") as server:
        yield server


@pytest_asyncio.fixture(loop_scope="session")
async def stopped(tab: Page, stepping: Server, tmp_path: Path) -> AsyncIterator[Gate]:
    """The player, connected to it, and its engine's gate. Segments have hundreds of steps."""
    gate = Gate(tmp_path)
    await tab.goto(f"{stepping.url}/player")
    async with settings(tab) as sheet:
        await sheet.get_by_label("Frames").fill("257")
    yield gate
    gate.close()
    assert await errors_of(tab) == []


@pytest.fixture
def another(tmp_path: Path) -> Iterator[Gate]:
    """Which is not opened before the end."""
    folder = tmp_path / "another"
    folder.mkdir()
    with closing(Gate(folder)) as gate:
        yield gate


async def cancelled(page: Page, gate: Gate) -> None:
    """By the Escape key, in the first segment's second step."""
    await gate.arrival()
    gate.go()
    await until(page, "matinee.state.segments[0]?.step >= 1")
    await gate.arrival()
    await page.keyboard.press("Escape")
    await step_until(gate, until(page, "matinee.state.segments[0].status === 'cancelled'"))


async def test_escape_cancels_the_running_segment_and_the_session_goes_on(
    tab: Page, stopped: Gate
) -> None:
    await submit(tab, stopped.order)
    await cancelled(tab, stopped)
    await expect(tab.locator("#cancel")).to_be_hidden()
    await submit(tab, GREEN)
    await until(tab, done(1))
    await expect(tab.locator("#note")).to_be_hidden()


async def test_waiting_prompts_are_shown_and_taken_back_one_by_one(
    tab: Page, stopped: Gate, another: Gate
) -> None:
    waiting = tab.get_by_role("list", name="Waiting prompts").get_by_role("listitem")
    first, second = f"first {stopped.order}", f"second {another.order}"
    for prompt in (first, second, "a white box", RED):
        await submit(tab, prompt)
    await expect(waiting).to_have_text([second, "a white box", RED])
    await tab.get_by_role("button", name="Take back: a white box").click()
    await expect(waiting).to_have_text([second, RED])
    await expect(prompt_of(tab)).to_have_value("a white box")
    await expect(prompt_of(tab)).to_be_focused()

    await cancelled(tab, stopped)
    await until(tab, "matinee.state.segments[1]?.status === 'making'")
    await expect(waiting).to_have_text([RED])
    shown = await tab.evaluate("matinee.state.segments.map((one) => [one.key, one.prompt])")
    assert shown == [[1, first], [2, second]]


async def test_full_screen_shows_the_stage(player: Page) -> None:
    await submit(player, RED)
    button = player.get_by_role("button", name="Full screen")
    await button.focus()
    await player.keyboard.press("Enter")
    await until(player, "document.fullscreenElement?.id === 'stage'")
    await expect(button).to_have_attribute("aria-pressed", "true")
    await player.keyboard.press("f")
    await until(player, "document.fullscreenElement === null")


async def test_up_and_down_go_through_earlier_prompts(player: Page) -> None:
    await submit(player, RED)
    await submit(player, GREEN)
    assert await prompt_of(player).input_value() == ""
    shown = []
    for key in ("ArrowUp", "ArrowUp", "ArrowUp", "ArrowDown", "ArrowDown"):
        await player.keyboard.press(key)
        shown.append(await prompt_of(player).input_value())
    assert shown == [GREEN, RED, RED, GREEN, ""]


async def test_space_and_k_pause_and_play_when_not_typing(player: Page) -> None:
    await submit(player, RED)
    await until(player, "matinee.state.currentTime > 0.1")
    await leave(player)
    await player.keyboard.press("Space")
    assert await player.evaluate("matinee.state.paused")
    await player.keyboard.press("k")
    await until(player, "!matinee.state.paused")


async def test_keys_are_letters_while_typing(player: Page) -> None:
    for key in "k?":
        await player.keyboard.press(key)
    assert await prompt_of(player).input_value() == "k?"
    await expect(player.get_by_role("dialog")).to_be_hidden()


async def test_a_question_mark_shows_the_keys(player: Page) -> None:
    await leave(player)
    await player.keyboard.press("?")
    await expect(player.get_by_role("dialog", name="Keys")).to_be_visible()
    await player.keyboard.press("Escape")
    await expect(player.get_by_role("dialog")).to_be_hidden()


async def test_a_chip_sends_its_prompt_and_the_reel_offers_it_again(player: Page) -> None:
    await player.get_by_role("group", name="Example prompts").get_by_role("button").first.click()
    card = player.locator("#reel").get_by_role("button")
    await expect(card).to_have_count(1)
    assert await prompt_of(player).input_value() == ""
    await card.click()
    await expect(prompt_of(player)).to_have_value(RED)


async def test_keep_going_asks_again_until_it_is_switched_off(player: Page) -> None:
    keep_going = player.get_by_role("switch", name="Keep going")
    await keep_going.check()
    await prompt_of(player).focus()
    await submit(player, RED)
    await until(player, "matinee.state.segments.length >= 3")
    await keep_going.uncheck()
    await until(player, "matinee.state.phase === 'ready' && matinee.state.ahead < 0.2")
    state = await player.evaluate("matinee.state")
    assert [segment["request"]["automatic"] for segment in state["segments"][:3]] == [
        False,
        True,
        True,
    ]
    assert len(state["ranges"]) == 1


async def test_keep_going_asks_only_when_somebody_watches_and_little_is_left(player: Page) -> None:
    busy = {"phase": "making", "requests": [], "segments": []}
    elsewhere = [{"keepGoing": False}, {"hidden": True}, {"paused": True}, {"ahead": 3}]
    changes = [{}, *elsewhere, {"session": busy}]
    asked = await player.evaluate(NEXT_PROMPT, [RED, changes])
    assert asked == [RED, None, None, None, None, None]


async def test_settings_go_along_with_the_prompt(player: Page) -> None:
    async with settings(player) as sheet:
        for field, value in {"Seed": "5", "Steps": "3", "Guidance": "2.5", "Frames": "9"}.items():
            await sheet.get_by_label(field).fill(value)
    await submit(player, RED)
    await until(player, done(0))
    segment = await player.evaluate("matinee.state.segments[0]")
    assert (segment["seed"], segment["totalSteps"], segment["durationMs"]) == (5, 3, 1125)


async def test_a_setting_without_effect_is_told(player: Page) -> None:
    async with settings(player) as sheet:
        for field, value in {"Guidance": "1", "What to keep away from": "blur"}.items():
            await sheet.get_by_label(field).fill(value)
    await submit(player, RED)
    await expect(player.locator("#note")).to_have_text(
        "What to keep away from has no effect at Guidance 1; it takes more than 1."
    )


async def test_a_value_that_the_model_cannot_do_is_told_before_it_is_sent(player: Page) -> None:
    async with settings(player) as sheet:
        await expect(sheet.get_by_label("Frames")).to_have_attribute("step", "4")
        await sheet.get_by_label("Frames").fill("18")
    await submit(player, RED)
    await expect(player.locator("#note")).to_contain_text(re.compile(r"^Frames: .*17.*21"))
    await expect(prompt_of(player)).to_have_value(RED)
    assert await player.evaluate("matinee.state.requests") == 0


async def test_a_refused_prompt_is_told_in_the_page_s_words_and_put_back(player: Page) -> None:
    async with settings(player) as sheet:
        await sheet.get_by_label("Frames").fill("65")
        await sheet.get_by_label("Steps").fill("100")
    await submit(player, RED)
    note = player.locator("#note")
    await expect(note).to_contain_text("Frames")
    await expect(note).not_to_contain_text("_")
    await expect(prompt_of(player)).to_have_value(RED)
    state = await player.evaluate("matinee.state")
    assert (state["phase"], state["requests"], state["segments"]) == ("ready", 0, [])


async def test_a_size_of_one_s_own_begins_a_new_video(player: Page) -> None:
    async with settings(player) as sheet:
        await sheet.get_by_label("Width").fill("96")
        await sheet.get_by_label("Frames").fill("9")
        await expect(sheet.locator("#set-length")).to_have_text("1.1 s")
        await sheet.get_by_label("Height").fill("9600")
    await submit(player, RED)
    await expect(player.locator("#note")).to_contain_text(
        re.compile("^Height: Width . height may be")
    )
    async with settings(player) as sheet:
        await sheet.get_by_label("Height").fill("")
    await player.keyboard.press("Enter")
    await until(player, "video.videoWidth === 96 && video.videoHeight === 64")


async def test_paused_generation_keeps_prompts_waiting(player: Page) -> None:
    async with settings(player) as sheet:
        await sheet.get_by_label("Pause the generation").check()
    await submit(player, RED)
    await expect(player.locator("#doing")).to_have_text("Generation is paused")
    async with settings(player) as sheet:
        await sheet.get_by_label("Pause the generation").uncheck()
    await until(player, done(0))


async def test_the_server_goes_round_the_curated_prompts(player: Page) -> None:
    async with settings(player) as sheet:
        await sheet.get_by_label("Prompts to go round").fill(f"{RED}\n\n{GREEN}")
        await sheet.get_by_label("Go round the prompts below").check()
    await until(player, "matinee.state.segments.length >= 2")
    async with settings(player) as sheet:
        await sheet.get_by_label("Go round the prompts below").uncheck()
    prompts = await player.evaluate("matinee.state.segments.map((one) => one.prompt)")
    assert prompts[:2] == [RED, GREEN]


async def test_a_server_that_goes_on_by_itself_rests_while_enough_is_left_to_play(
    tab: Page, server: Server
) -> None:
    """A minute of it: here three seconds."""
    await changed(tab, "ahead.js", {"REST_S = 60": "REST_S = 3", "GO_ON_S = 30": "GO_ON_S = 1"})
    await tab.goto(f"{server.url}/player")
    async with settings(tab) as sheet:
        await sheet.get_by_label("Extend the last prompt").check()
    await submit(tab, RED)
    await leave(tab)
    await tab.keyboard.press("k")
    await until(tab, "matinee.events.some((one) => one.rest === true)")
    await tab.evaluate("video.playbackRate = 4")
    await tab.keyboard.press("k")
    await until(tab, "matinee.events.some((one) => one.rest === false)")
    told = await tab.evaluate("matinee.events.map(({ type, rest }) => rest ?? type)")
    between = told[told.index(True) : told.index(False)]
    assert between.count("ltx2_segment_start") <= 1, "the one that was begun already"
    last = "matinee.events.findLast((one) => one.rest === false || one.type === START)"
    await until(tab, f"{last}.type === START".replace("START", "'ltx2_segment_start'"))
