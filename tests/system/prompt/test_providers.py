"""Providers against a real server in OpenAI's form, which has every fault."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from matinee.prompt import WriterUnavailable, open_model_writer
from matinee.session.metrics import Metrics
from matinee_api.config.prompt_config import PromptConfig, ProviderConfig
from tests.system.prompt.faulty_provider import FAULTS, FaultyProvider, faulty_provider

RETRYABLE = (
    "429",
    "500",
    "garbage",
    "no HTTP",
    "strange",
    "cut",
    "compressed",
    "10 MB",
    "hang",
    "drip",
)
FINAL = ("401", "moved")
PROMPT = "a secret ball"


@pytest_asyncio.fixture
async def first() -> AsyncIterator[FaultyProvider]:
    async with faulty_provider() as provider:
        yield provider


@pytest_asyncio.fixture
async def second() -> AsyncIterator[FaultyProvider]:
    async with faulty_provider() as provider:
        yield provider


def config_of(
    *providers: FaultyProvider, first_ms: int | None = None, **changes: object
) -> PromptConfig:
    """`first_ms`: the timeout of the first provider."""
    return PromptConfig(
        providers=tuple(
            ProviderConfig(
                name=f"p{number}",
                base_url=one.url,
                model="small",
                api_key_env="KEY",
                timeout_ms=None if number else first_ms,
            )
            for number, one in enumerate(providers)
        ),
        **changes,  # type: ignore[arg-type]
    )


def counted(metrics: Metrics, name: str, **labels: str) -> float:
    return metrics.registry.get_sample_value(f"matinee_prompt_{name}", labels) or 0.0


async def test_a_prompt_is_enhanced_with_what_is_configured(first: FaultyProvider) -> None:
    metrics, config = Metrics(), config_of(first, temperature=0.3, max_tokens=64)
    writer = open_model_writer(config, {"KEY": "k3y"}, metrics.prompts, 8192)
    assert (await writer.enhance(PROMPT)).text == first.answer
    await writer.close()
    ((body, key),) = first.asked
    assert key == "k3y"
    assert (body["model"], body["temperature"], body["max_tokens"]) == ("small", 0.3, 64)
    assert [one["role"] for one in body["messages"]] == ["system", "user"]
    assert body["messages"][1]["content"] == PROMPT
    assert counted(metrics, "requests_total", provider="p0", outcome="ok") == 1
    assert counted(metrics, "tokens_total", provider="p0", kind="prompt") == 30
    assert counted(metrics, "tokens_total", provider="p0", kind="completion") == 7


@pytest.mark.parametrize("fault", RETRYABLE)
async def test_what_is_wrong_with_one_provider_leaves_it_to_the_next(
    first: FaultyProvider, second: FaultyProvider, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    first.does = fault
    first_ms = 100 if fault in ("hang", "drip") else None
    config = config_of(first, second, first_ms=first_ms)
    writer = open_model_writer(config, {"KEY": "k3y"}, Metrics().prompts, 8192)
    with caplog.at_level(logging.INFO):
        assert (await writer.enhance(PROMPT)).text == second.answer
    await writer.close()
    assert (len(first.asked), len(second.asked)) == (1, 1), "nobody is asked twice"
    assert "p0" in caplog.text
    assert "secret" not in caplog.text
    assert "k3y" not in caplog.text


@pytest.mark.parametrize("fault", FINAL)
async def test_a_refusal_is_the_end_of_the_question(
    first: FaultyProvider, second: FaultyProvider, fault: str
) -> None:
    first.does = fault
    writer = open_model_writer(config_of(first, second), {"KEY": "k3y"}, Metrics().prompts, 8192)
    with pytest.raises(WriterUnavailable):
        await writer.enhance(PROMPT)
    await writer.close()
    assert second.asked == []


async def test_a_dead_provider_is_left_alone_after_five_questions(first: FaultyProvider) -> None:
    first.does = "500"
    metrics = Metrics()
    writer = open_model_writer(config_of(first), {"KEY": "k3y"}, metrics.prompts, 8192)
    for _ in range(8):
        with pytest.raises(WriterUnavailable):
            await writer.rewrite(PROMPT, 3)
    await writer.close()
    assert len(first.asked) == 5
    assert counted(metrics, "breaker_open", provider="p0") == 1
    assert counted(metrics, "requests_total", provider="p0", outcome="open") == 3


def test_every_fault_is_tried() -> None:
    assert {*FAULTS} <= {*RETRYABLE, *FINAL}
