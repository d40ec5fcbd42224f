from __future__ import annotations

import asyncio
import dataclasses

import pytest

from matinee.prompt import AskedPrompt, PreparedPrompt
from matinee.session.effects import CloseCode
from tests.unit.runtime.session.staging import Client, Stage, Staged, turns


class Preparer:
    """Prepares when it is told to; `cancelled` counts those nobody waits for any more."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.asked: list[str] = []
        self.cancelled = 0
        self.does: Exception | None = None

    async def prepare(self, asked: AskedPrompt) -> PreparedPrompt:
        self.asked.append(asked.request.prompt)
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.does is not None:
            raise self.does
        request = dataclasses.replace(asked.request, prompt=f"{asked.request.prompt}, in detail")
        return PreparedPrompt(request, "enhanced")


async def in_preparation(stage: Stage) -> Client:
    client = stage.client()
    client.say("segment_prompt_source", prompt="a ball", request_id="r1")
    await client.hear("ltx2_stream_start")
    await turns()
    return client


async def test_a_prompt_is_prepared_before_its_segment(staged: Staged) -> None:
    preparer = Preparer()
    stage = staged(preparer=preparer)
    client = await in_preparation(stage)
    client.say("segment_prompt_source", prompt="a cube")
    await turns()
    assert preparer.asked == ["a ball"]
    assert stage.pool.jobs == []
    preparer.go.set()
    start = await client.hear("ltx2_segment_start")
    assert (start["prompt"], start["source"]) == ("a ball, in detail", "enhanced")
    stage.pool.jobs[0].make_all()
    await client.hear("ltx2_segment_start", 2)
    assert preparer.asked == ["a ball", "a cube"]


async def test_a_preparer_that_fails_costs_its_prompt_and_not_the_session(staged: Staged) -> None:
    preparer = Preparer()
    preparer.does = ZeroDivisionError("details")
    stage = staged(preparer=preparer)
    client = await in_preparation(stage)
    preparer.go.set()
    error = await client.hear("error")
    assert (error["code"], error["request_id"]) == ("internal_error", "r1")
    preparer.does = None
    client.say("segment_prompt_source", prompt="a cube")
    assert (await client.hear("ltx2_segment_start"))["segment_idx"] == 0


async def test_a_preparer_that_takes_too_long_is_told(staged: Staged) -> None:
    preparer = Preparer()
    stage = staged(preparer=preparer)
    stage.studio = dataclasses.replace(stage.studio, prepare_timeout_s=0.01)
    client = await in_preparation(stage)
    error = await client.hear("error")
    assert (error["code"], error["retryable"]) == ("upstream_timeout", True)
    assert preparer.cancelled == 1


@pytest.mark.parametrize("how", ["vanishes", "session_end", "shutdown", "segment_cancel"])
async def test_nobody_prepares_for_a_viewer_who_does_not_wait(staged: Staged, how: str) -> None:
    preparer = Preparer()
    stage = staged(preparer=preparer)
    client = await in_preparation(stage)
    match how:
        case "vanishes":
            client.vanish()
        case "shutdown":
            client.connection.shut_down(
                "drained", CloseCode.RESTART, "server_shutdown", tells_state=True
            )
        case _:
            client.say(how)
    if how == "segment_cancel":
        assert (await client.hear("segment_cancelled"))["segment_idx"] == -1
        client.vanish()
    await client.over()
    assert preparer.cancelled == 1
    assert stage.pool.jobs == []
    assert stage.clean
