"""Keys, buttons and settings of the player, driven as a viewer would."""

from __future__ import annotations

import pytest

from tests.system.browser import Page

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

RED = "a red ball moving left on a blue background"
GREEN = "a green box moving up on a white background"


async def value_of(page: Page, element: str) -> object:
    return await page.evaluate(f"document.getElementById('{element}').value")


async def submit(page: Page, prompt: str) -> None:
    await page.type(prompt)
    await page.press("Enter")


async def test_escape_cancels_the_running_segment_and_the_session_goes_on(player: Page) -> None:
    await player.evaluate("document.getElementById('set-steps').value = '150'")
    await submit(player, RED)
    await player.wait_for("matinee.state.segments[0]?.step >= 1")
    await player.press("Escape")
    await player.wait_for("matinee.state.segments[0].status === 'cancelled'", timeout_s=5)
    assert await player.evaluate("document.getElementById('cancel').hidden")

    await player.evaluate("document.getElementById('set-steps').value = ''")
    await submit(player, GREEN)
    await player.wait_for("matinee.state.segments[1]?.status === 'done'")
    assert await player.evaluate("document.getElementById('note').hidden")
    assert player.errors == []


async def test_up_and_down_go_through_earlier_prompts(player: Page) -> None:
    await submit(player, RED)
    await submit(player, GREEN)
    assert await value_of(player, "prompt") == ""
    shown = []
    for key in ("ArrowUp", "ArrowUp", "ArrowUp", "ArrowDown", "ArrowDown"):
        await player.press(key)
        shown.append(await value_of(player, "prompt"))
    assert shown == [GREEN, RED, RED, GREEN, ""]


async def test_space_and_k_pause_and_play_when_not_typing(player: Page) -> None:
    await submit(player, RED)
    await player.wait_for("matinee.state.currentTime > 0.1")
    await player.evaluate("document.activeElement.blur()")
    await player.press(" ")
    assert await player.evaluate("matinee.state.paused")
    await player.press("k")
    await player.wait_for("!matinee.state.paused")


async def test_keys_are_letters_while_typing(player: Page) -> None:
    for key in "k?":
        await player.press(key)
    assert await value_of(player, "prompt") == "k?"
    assert not await player.evaluate("document.getElementById('keys').open")


async def test_a_question_mark_shows_the_keys(player: Page) -> None:
    await player.evaluate("document.activeElement.blur()")
    await player.press("?")
    assert await player.evaluate("document.getElementById('keys').open")
    await player.press("Escape")
    await player.wait_for("!document.getElementById('keys').open")


async def test_a_chip_sends_its_prompt_and_the_reel_offers_it_again(player: Page) -> None:
    await player.evaluate("document.querySelector('#chips button').click()")
    await player.wait_for("matinee.state.segments.length === 1")
    await player.evaluate("document.querySelector('#reel button').click()")
    assert await value_of(player, "prompt") == RED


async def test_keep_going_asks_again_until_it_is_switched_off(player: Page) -> None:
    await player.evaluate("document.getElementById('keep-going').click()")
    await submit(player, RED)
    await player.wait_for("matinee.state.segments.length === 3", timeout_s=60)
    await player.evaluate("document.getElementById('keep-going').click()")
    await player.wait_for("matinee.state.phase === 'ready' && matinee.state.ahead < 0.2")
    state = await player.evaluate("matinee.state")
    assert [segment["request"]["automatic"] for segment in state["segments"][:3]] == [
        False,
        True,
        True,
    ]
    assert len(state["ranges"]) == 1


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("{}", RED),
        ("{ keepGoing: false }", None),
        ("{ hidden: true }", None),
        ("{ paused: true }", None),
        ("{ ahead: 3 }", None),
        ("{ session: { phase: 'making', requests: [], segments: [] } }", None),
    ],
)
async def test_keep_going_asks_only_when_somebody_watches_and_little_is_left(
    player: Page, change: str, expected: str | None
) -> None:
    asked = await player.evaluate(
        f"""import("/player/ahead.js").then(({{ nextPrompt }}) => nextPrompt({{
            keepGoing: true, hidden: false, paused: false, ahead: 0.4,
            session: {{
                phase: "ready", requests: [],
                segments: [{{ status: "done", generationMs: 300, request: {{ prompt: "{RED}" }} }}],
            }},
            ...{change},
        }}))"""
    )
    assert asked == expected


async def test_settings_go_along_with_the_prompt(player: Page) -> None:
    await player.evaluate(
        "[['seed', 5], ['steps', 3], ['guidance', 2.5], ['frames', 9]]"
        ".forEach(([name, value]) => document.getElementById(`set-${name}`).value = value)"
    )
    await submit(player, RED)
    await player.wait_for("matinee.state.segments[0]?.status === 'done'")
    segment = await player.evaluate("matinee.state.segments[0]")
    assert (segment["seed"], segment["totalSteps"], segment["durationMs"]) == (5, 3, 1125)


async def test_a_value_that_the_model_cannot_do_is_told_below_the_prompt(player: Page) -> None:
    await player.evaluate("document.getElementById('set-frames').value = '18'")
    await submit(player, RED)
    note = await player.wait_for("document.getElementById('note').textContent")
    assert "nearest: 17 or 21" in note
    assert await player.evaluate("matinee.state.phase") == "ready"


async def test_paused_generation_keeps_prompts_waiting(player: Page) -> None:
    await player.evaluate("document.getElementById('set-paused').click()")
    await submit(player, RED)
    await player.wait_for("doing.textContent === 'Generation is paused'")
    await player.evaluate("document.getElementById('set-paused').click()")
    await player.wait_for("matinee.state.segments[0]?.status === 'done'")


async def test_the_server_goes_round_the_curated_prompts(player: Page) -> None:
    await player.evaluate(
        f"""(() => {{
            const curated = document.getElementById("set-curated");
            curated.value = "{RED}\\n\\n{GREEN}";
            curated.dispatchEvent(new Event("change"));
            document.getElementById("set-loop").click();
        }})()"""
    )
    await player.wait_for("matinee.state.segments.length >= 2", timeout_s=60)
    await player.evaluate("document.getElementById('set-loop').click()")
    prompts = await player.evaluate("matinee.state.segments.map((one) => one.prompt)")
    assert prompts[:2] == [RED, GREEN]
