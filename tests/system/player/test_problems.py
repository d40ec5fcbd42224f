"""When something goes wrong the page says it in words and goes on when it can.

Servers that are to fail run the backend without torch, which starts at once.
"""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect

from matinee.client.stream_client import StreamClient
from tests.servers.ports import free_port
from tests.system.end_to_end.serving import Server, fake_server, running
from tests.system.player.browser import done, errors_of, submit, until
from tests.unit.runtime.worker.stepping import Gate

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

PROMPT = "a red ball moving left on a blue background"
PROBLEMS_OF_ENDS = """
async (ends) => {
    const { problemOfEnd } = await import("/player/words.js");
    return ends.map(problemOfEnd);
}
"""

ENDS = [
    ({"code": 1006, "unreachable": "unreachable"}, "unreachable"),
    ({"code": 1006, "unreachable": "warming"}, "warming"),
    ({"code": 1006, "unreachable": "unauthorized"}, "unauthorized"),
    ({"code": 1006}, "lost"),
    ({"code": 1012, "ending": "drained"}, "restarting"),
    ({"code": 1012, "error": {"code": "invalid_message"}}, "restarting"),
    ({"code": 1000, "ending": "timeout"}, "timeout"),
    ({"code": 1000, "ending": "segment_cap"}, "segment_cap"),
    ({"code": 1013, "error": {"code": "gpu_unavailable"}}, "gpu_unavailable"),
    ({"code": 1013, "error": {"code": "session_rejected"}}, "session_rejected"),
    ({"code": 1011, "error": {"code": "worker_failed"}, "ending": "error"}, "worker_failed"),
    ({"code": 1003, "error": {"code": "preset_mismatch"}}, "preset_mismatch"),
    ({"code": 1003, "ending": "error"}, "invalid_message"),
    ({"code": 1003, "error": {"code": "invalid_message", "param": "resume"}}, "not_kept"),
    ({"code": 1008, "error": {"code": "session_taken_over"}}, "session_taken_over"),
    ({"code": 1009}, "too_big"),
    ({"code": 1011, "ending": "error"}, "internal_error"),
    ({"code": 1011, "error": {"code": "a_new_code"}}, "a_new_code"),
]


def title_of(page: Page) -> Locator:
    return page.locator("#problem-title")


def on_port(port: int, command: list[str]) -> list[str]:
    """The command line of `fake_server` with another port in its configuration."""
    config = json.loads(command[-1])
    config["server"]["port"] = port
    return [*command[:-1], json.dumps(config)]


async def test_a_killed_server_is_told_and_waiting_prompts_are_made_when_it_is_back(
    tab: Page, tmp_path: Path
) -> None:
    command = on_port(free_port(), fake_server())
    with running(command, tmp_path / "first.log") as first:
        await tab.goto(f"{first.url}/player")
        await submit(tab, PROMPT)
        await until(tab, f"{done(0)} && matinee.state.saved")
        first.process.kill()
        await until(tab, "matinee.state.problem?.name === 'unreachable'")
        await expect(title_of(tab)).to_contain_text("be reached")
        await submit(tab, PROMPT)
        assert await tab.evaluate("matinee.state.requests") == 1, "the prompt waits"
    with running(command, tmp_path / "second.log"):
        await until(tab, done(1))
        await until(tab, "matinee.state.currentTime > matinee.state.segments[1].mediaStart")
        state = await tab.evaluate("matinee.state")
    assert state["problem"] is None
    assert len(state["ranges"]) == 1, "the new connection's video joins the old"


async def test_a_full_house_is_told_and_a_seat_is_taken_when_one_is_free(
    tab: Page, tmp_path: Path
) -> None:
    command = fake_server(max_sessions=1, max_queue=1)
    with running(command, tmp_path / "log") as small:
        async with contextlib.AsyncExitStack() as seated:
            first = await seated.enter_async_context(StreamClient.connect(small.url))
            await first.receive()
            async with StreamClient.connect(small.url) as waiting:
                await waiting.receive()
                await tab.goto(f"{small.url}/player")
                await expect(title_of(tab)).to_have_text("The house is full")
                await expect(tab.locator("#problem-detail")).to_contain_text("Next try in")
            await expect(tab.locator("#doing")).to_have_text("Next in the queue")
        await until(tab, "matinee.state.phase === 'ready' && matinee.state.problem === null")


async def test_a_session_at_its_cap_goes_on_in_a_new_one(tab: Page, tmp_path: Path) -> None:
    with running(fake_server(generation_segment_cap=2), tmp_path / "log") as capped:
        await tab.goto(f"{capped.url}/player")
        await submit(tab, PROMPT)
        await until(tab, "matinee.state.saved")
        await submit(tab, PROMPT)
        await expect(title_of(tab)).to_have_text("That was the last segment of this session")
        await tab.locator("#problem-action").click()
        await until(tab, "matinee.state.phase === 'ready' && matinee.state.problem === null")
        await tab.locator("#prompt").focus()
        await submit(tab, PROMPT)
        await until(tab, done(2))
        assert len(await tab.evaluate("matinee.state.ranges")) == 1


async def test_an_idle_session_ends_quietly_and_the_next_prompt_opens_a_new_one(
    tab: Page, tmp_path: Path
) -> None:
    with running(fake_server(session_timeout_seconds=2.0), tmp_path / "log") as impatient:
        await tab.goto(f"{impatient.url}/player")
        await until(tab, "matinee.state.problem?.name === 'timeout'")
        await submit(tab, PROMPT)
        await until(tab, done(0))


@pytest.mark.parametrize(
    ("script", "title"),
    [
        (
            "delete window.MediaSource; delete window.ManagedMediaSource",
            "This browser cannot play live video",
        ),
        (
            "MediaSource.isTypeSupported = () => false",
            "This browser cannot decode the video",
        ),
    ],
)
async def test_a_browser_that_cannot_play_is_told_why(
    tab: Page, server: Server, script: str, title: str
) -> None:
    await tab.add_init_script(script)
    await tab.goto(f"{server.url}/player")
    await expect(title_of(tab)).to_have_text(title)
    assert await errors_of(tab) == []


async def test_every_end_has_its_words(player: Page) -> None:
    problems = await player.evaluate(PROBLEMS_OF_ENDS, [end for end, _ in ENDS])
    assert [problem["name"] for problem in problems] == [name for _, name in ENDS]
    assert [one["name"] for one in problems if not (one["title"] and can_act(one))] == []


def can_act(problem: dict[str, Any]) -> bool:
    """The viewer can do something about it."""
    return bool(problem.get("action") or problem.get("asksForKey"))


CUT_IN_A_SEGMENT = """
window.sockets = [];
window.WebSocket = class extends WebSocket {
    constructor(...words) { super(...words); sockets.push(this); }
};
"""


async def test_a_connection_that_is_lost_in_a_segment_goes_on_within_it(
    tab: Page, tmp_path: Path
) -> None:
    """Each frame comes once, and nothing is asked for twice."""
    gate = Gate(tmp_path)
    with running(fake_server(), tmp_path / "log") as server:
        await tab.add_init_script(CUT_IN_A_SEGMENT)
        await tab.goto(f"{server.url}/player")
        await submit(tab, "one")
        await until(tab, done(0))
        await submit(tab, f"two {gate.order}")
        await submit(tab, "three")
        gate.go(4)
        await until(tab, "matinee.state.segments[1]?.fragments >= 2")
        await tab.evaluate("sockets.at(-1).close(4000)")
        await until(tab, "sockets.length === 2")
        gate.go(1000)
        await until(tab, done(2))
        state = await tab.evaluate("matinee.state")
        asked = await tab.evaluate("matinee.events.filter((one) => one.type === 'request').length")
    gate.close()
    assert [segment["status"] for segment in state["segments"]] == ["done"] * 3
    assert [segment["fragments"] for segment in state["segments"]] == [4, 5, 5]
    assert asked == 3
    assert len(state["ranges"]) == 1
    assert state["ranges"][0][1] == pytest.approx(49 / 24, abs=0.01)
    assert await errors_of(tab) == []


async def test_a_clip_of_the_reel_is_gone_on_from_in_a_video_of_its_own(
    tab: Page, tmp_path: Path
) -> None:
    with running(fake_server(), tmp_path / "log") as server:
        await tab.goto(f"{server.url}/player")
        for number in range(2):
            await submit(tab, f"clip {number}")
            await until(tab, done(number))
        await tab.get_by_label("Go on from clip 1").click()
        await until(tab, "matinee.state.phase === 'ready'")
        await submit(tab, "another way")
        await until(tab, done(2))
        await tab.get_by_label("Go on from clip 2").click()
        await until(tab, "matinee.events.filter((one) => one.forked_from).length === 2")
        await until(tab, "matinee.state.phase === 'ready'")
        await submit(tab, "a third way")
        await until(tab, done(3))
        state = await tab.evaluate("matinee.state")
        forked = await tab.evaluate("matinee.events.map((one) => one.forked_from).filter(Boolean)")
    first, _, third, fourth = state["segments"]
    places = [(one["session"], one["segment"]) for one in forked]
    assert places == [(first["sessionId"], 0), (first["sessionId"], 1)]
    assert len({one["sessionId"] for one in (first, third, fourth)}) == 3
    assert [one["index"] for one in (third, fourth)] == [0, 0]
    assert len(state["ranges"]) == 1
    assert await errors_of(tab) == []


MISSED_THE_END = """
async () => {
    const { Session } = await import("/player/session.js");
    const session = new Session();
    const hear = (type, fields) => session.receive({ type, ...fields });
    const open = (resumed) => {
        hear("gpu_assigned", { session_id: "s", resume_token: "t", resumed });
        hear("ltx2_stream_start", { fps: 24 });
    };
    const [one, two] = ["one", "two"].map((prompt) => session.ask(prompt));
    const begin = (index, { id, prompt }) =>
        hear("ltx2_segment_start", { segment_idx: index, request_id: id, prompt });
    open();
    begin(0, one);
    session.reset();
    const between = session.segments.map(({ status }) => status);
    open({ segment_idx: 1, frames: 17, requests: [two.id] });
    const asked = session.unsent.map(({ prompt }) => prompt);
    begin(1, two);
    return [between, asked, session.segments.map(({ index, status }) => [index, status])];
}
"""


async def test_a_segment_of_which_only_the_end_was_missed_is_whole_and_not_asked_for_again(
    player: Page,
) -> None:
    between, asked, segments = await player.evaluate(MISSED_THE_END)
    assert between == ["lost"]
    assert asked == []
    assert segments == [[0, "done"], [1, "making"]]


SNAPSHOTS = "matinee.events.filter((one) => one.type === 'continuation_state_snapshot').length"


async def test_a_clip_that_the_server_keeps_no_more_leaves_the_video_as_it_was(
    tab: Page, tmp_path: Path
) -> None:
    with running(fake_server(state={"history_states": 1}), tmp_path / "log") as server:
        await tab.goto(f"{server.url}/player")
        for number in range(2):
            await submit(tab, f"clip {number}")
            await until(tab, f"{SNAPSHOTS} === {number + 1}")  # the state is saved before
        await tab.get_by_label("Go on from clip 1").click()
        await until(tab, "matinee.events.filter((one) => one.resumed).length === 1")
        await until(tab, "matinee.state.phase === 'ready'")
        (refused,) = await tab.evaluate("matinee.events.filter((one) => one.type === 'error')")
        await submit(tab, "clip 2")
        await until(tab, done(2))
        state = await tab.evaluate("matinee.state")
    segments = state["segments"]
    assert "segment 0 is not kept" in refused["message"]
    assert [one["index"] for one in segments] == [0, 1, 2]
    assert len({one["sessionId"] for one in segments}) == 1
    assert (len(state["ranges"]), state["ranges"][0][1]) == (1, pytest.approx(49 / 24, abs=0.01))
    assert await errors_of(tab) == []


MADE_AND_NOT_SAVED = """
async () => {
    const { Session } = await import("/player/session.js");
    const session = new Session();
    const hear = (type, fields) => session.receive({ type, ...fields });
    const open = (resumed) => {
        hear("gpu_assigned", { session_id: "s", resume_token: "t", resumed });
        hear("ltx2_stream_start", { fps: 24 });
    };
    const begin = (index, { id, prompt }) =>
        hear("ltx2_segment_start", { segment_idx: index, request_id: id, prompt });
    const end = (index) => hear("ltx2_segment_complete", { segment_idx: index });
    open();
    const [one, two, three] = ["one", "two", "three"].map((prompt) => session.ask(prompt));
    begin(0, one); end(0); begin(1, two); end(1); begin(2, three);
    session.reset();
    open({ segment_idx: 1, frames: 40, requests: [] });
    const asked = session.unsent.map(({ prompt }) => prompt);
    begin(1, two); end(1); begin(2, three);
    return [asked, session.segments.map(({ index, status }) => [index, status])];
}
"""


async def test_segments_that_a_killed_server_had_not_saved_are_asked_for_again(
    player: Page,
) -> None:
    asked, segments = await player.evaluate(MADE_AND_NOT_SAVED)
    assert asked == ["two", "three"]
    assert segments == [[0, "done"], [1, "done"], [2, "making"]]
