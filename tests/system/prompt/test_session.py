"""Sessions whose prompts a provider writes, or does not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from matinee.prompt import Writer, WritingPreparer, open_model_writer
from matinee.session.metrics import Metrics
from matinee_api.config.prompt_config import PromptConfig
from tests.system.prompt.faulty_provider import FaultyProvider, faulty_provider
from tests.system.prompt.test_providers import config_of
from tests.unit.runtime.session.staging import Client, Stage

PLAIN = "a ball"
PROMPTS = 7


@pytest_asyncio.fixture
async def provider() -> AsyncIterator[FaultyProvider]:
    async with faulty_provider() as server:
        yield server


def writer_of(config: PromptConfig) -> Writer:
    return open_model_writer(config, {"KEY": "k3y"}, Metrics().prompts, 8192)


def stage_of(writer: Writer) -> Stage:
    preparer = WritingPreparer(writer, 20.0, 8192)
    return Stage(
        preparer=preparer,
        writer=writer,
        prompt=PromptConfig(enabled=True),
        generation_segment_cap=0,
    )


async def made(stage: Stage, client: Client, number: int) -> tuple[str, str]:
    """The words and the source of the next segment, which is made."""
    client.say("segment_prompt_source", prompt=PLAIN)
    start = await client.hear("ltx2_segment_start", number)
    stage.pool.jobs[number - 1].make_all()
    await client.hear("ltx2_segment_complete", number)
    return start["prompt"], start["source"]


async def test_with_a_dead_provider_each_prompt_is_the_plain_one_and_says_so(
    provider: FaultyProvider,
) -> None:
    provider.does = "500"
    writer = writer_of(config_of(provider))
    stage = stage_of(writer)
    client = stage.client(enhancement_enabled=True)
    for number in range(1, PROMPTS + 1):
        assert await made(stage, client, number) == (PLAIN, "user")
    errors = [message for message in client.heard if message["type"] == "error"]
    assert [error["code"] for error in errors] == ["upstream_timeout"] * PROMPTS
    assert len(provider.asked) == 5, "then it is left alone"
    client.vanish()
    await client.over()
    stage.close()
    await writer.close()


async def test_a_changed_system_prompt_holds_from_the_next_prompt_on(
    provider: FaultyProvider, tmp_path: Path
) -> None:
    writer = writer_of(config_of(provider, system_prompt_dir=str(tmp_path)))
    stage = stage_of(writer)
    client = stage.client(enhancement_enabled=True)
    assert await made(stage, client, 1) == (provider.answer, "enhanced")
    (tmp_path / "new").write_text("Say it in French.")
    (tmp_path / "new").replace(tmp_path / "enhance.txt")
    assert await made(stage, client, 2) == (provider.answer, "enhanced")
    first, second = (body["messages"][0]["content"] for body, _ in provider.asked)
    assert first.startswith("You improve prompts")
    assert second == "Say it in French."
    client.say("rewrite_seed_prompts", seed_prompt=PLAIN)
    assert (await client.hear("seed_prompts_rewritten"))["alternatives"] == [provider.answer]
    client.vanish()
    await client.over()
    stage.close()
    await writer.close()
