from __future__ import annotations

import asyncio
import dataclasses
import logging

import pytest

from matinee.prompt import AskedPrompt, PreparedPrompt, WriterUnavailable, Written
from matinee.wire.client_messages import MOST_REWRITES
from matinee_api.config.prompt_config import PromptConfig
from tests.unit.runtime.session.staging import Client, Stage, Staged, turns

WRITES = PromptConfig(enabled=True)


class Preparer:
    """Prepares one prompt each time it is told to."""

    def __init__(self) -> None:
        self.go = asyncio.Semaphore(0)
        self.asked: list[tuple[str, bool]] = []
        self.cancelled: list[str] = []

    async def prepare(self, asked: AskedPrompt) -> PreparedPrompt:
        prompt = asked.request.prompt
        self.asked.append((prompt, asked.enhance))
        try:
            await self.go.acquire()
        except asyncio.CancelledError:
            self.cancelled.append(prompt)
            raise
        request = dataclasses.replace(asked.request, prompt=f"{prompt}, in detail")
        return PreparedPrompt(request, "enhanced", notes=("noted",), trouble="or not")


async def one_runs_and_one_waits(stage: Stage, preparer: Preparer) -> Client:
    client = stage.client(enhancement_enabled=True)
    client.say("segment_prompt_source", prompt="a ball", request_id="r1")
    client.say("segment_prompt_source", prompt="a cube")
    preparer.go.release()
    await client.hear("ltx2_segment_start")
    while len(preparer.asked) < 2:
        await turns(1)
    return client


async def test_the_next_prompt_is_ready_when_its_turn_comes(staged: Staged) -> None:
    preparer = Preparer()
    stage = staged(preparer=preparer, prompt=WRITES)
    client = await one_runs_and_one_waits(stage, preparer)
    assert preparer.asked == [("a ball", True), ("a cube", True)]
    preparer.go.release()
    stage.pool.jobs[0].make_all()
    start = await client.hear("ltx2_segment_start", 2)
    assert (start["prompt"], start["source"]) == ("a cube, in detail", "enhanced")
    assert len(preparer.asked) == 2, "it is not asked again"


async def test_what_was_written_and_why_not_is_told(staged: Staged) -> None:
    preparer = Preparer()
    client = await one_runs_and_one_waits(staged(preparer=preparer, prompt=WRITES), preparer)
    kinds = [message["type"] for message in client.heard]
    at = kinds.index("error")
    assert kinds[at + 1] == "ltx2_segment_start"
    error, start = client.heard[at : at + 2]
    assert (error["code"], error["retryable"]) == ("upstream_timeout", True)
    assert (error["message"], error["request_id"]) == ("or not", "r1")
    assert start["notes"] == ["noted"]


async def test_what_nobody_wants_any_more_is_given_up(staged: Staged) -> None:
    preparer = Preparer()
    stage = staged(preparer=preparer, prompt=WRITES)
    client = await one_runs_and_one_waits(stage, preparer)
    client.say("enhancement_updated", enabled=False)
    while not preparer.cancelled:
        await turns(1)
    assert preparer.cancelled == ["a cube"]
    preparer.go.release()
    stage.pool.jobs[0].make_all()
    await client.hear("ltx2_segment_start", 2)
    assert preparer.asked[2:] == [("a cube", False)]


async def test_who_leaves_is_written_for_no_more(staged: Staged) -> None:
    preparer = Preparer()
    stage = staged(preparer=preparer, prompt=WRITES)
    client = await one_runs_and_one_waits(stage, preparer)
    client.vanish()
    await client.over()
    assert preparer.cancelled == ["a cube"]
    assert stage.clean


class Writer:
    """Rewrites when it is told to."""

    def __init__(self, does: Exception | None = None) -> None:
        self.go = asyncio.Event()
        self._does = does

    async def enhance(self, prompt: str) -> Written:
        raise AssertionError

    async def extend(self, past: tuple[str, ...]) -> Written:
        raise AssertionError

    def reload(self) -> None:
        raise AssertionError

    async def close(self) -> None:
        raise AssertionError

    async def rewrite(self, prompt: str, count: int) -> tuple[str, ...]:
        await self.go.wait()
        if self._does is not None:
            raise self._does
        return tuple(f"{prompt} {number}" for number in range(count))


async def test_other_prompts_are_written_one_message_at_a_time(staged: Staged) -> None:
    writer = Writer()
    client = staged(writer=writer, prompt=WRITES).client()
    client.say("rewrite_seed_prompts", seed_prompt="a ball", count=2)
    client.say("rewrite_seed_prompts", seed_prompt="a cube", count=MOST_REWRITES)
    error = await client.hear("error")
    assert (error["answers"], error["retryable"], error["param"]) == (2, True, "seed_prompt")
    writer.go.set()
    assert await client.hear("seed_prompts_rewritten") == {
        "type": "seed_prompts_rewritten",
        "answers": 1,
        "seed_prompt": "a ball",
        "alternatives": ["a ball 0", "a ball 1"],
    }


@pytest.mark.parametrize(
    ("mistake", "code", "retryable"),
    [
        (WriterUnavailable("a secret"), "upstream_timeout", True),
        (ZeroDivisionError("a secret"), "internal_error", False),
    ],
)
async def test_what_cannot_be_written_is_told_without_details(
    staged: Staged,
    mistake: Exception,
    code: str,
    retryable: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    writer = Writer(mistake)
    writer.go.set()
    client = staged(writer=writer, prompt=WRITES).client()
    with caplog.at_level(logging.ERROR):
        client.say("rewrite_seed_prompts", seed_prompt="a ball")
        error = await client.hear("error")
    assert (error["code"], error["retryable"], error["answers"]) == (code, retryable, 1)
    assert "secret" not in error["message"]
    client.say("segment_prompt_source", prompt="a ball")
    await client.hear("ltx2_segment_start")


async def test_a_rewrite_that_takes_too_long_ends(staged: Staged) -> None:
    stage = staged(writer=Writer(), prompt=WRITES)
    stage.studio = dataclasses.replace(stage.studio, prepare_timeout_s=0.01)
    client = stage.client()
    client.say("rewrite_seed_prompts", seed_prompt="a ball")
    assert (await client.hear("error"))["code"] == "upstream_timeout"
