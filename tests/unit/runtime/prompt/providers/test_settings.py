from __future__ import annotations

import pytest

from matinee.prompt.providers.settings import ProviderUnusable, provider_settings
from matinee_api.config.prompt_config import PromptConfig, ProviderConfig

CEREBRAS = ProviderConfig(name="cerebras")
OWN = ProviderConfig(name="here", base_url="http://ollama:11434/v1", model="qwen3")


def test_presets_have_the_names_and_variables_that_people_know() -> None:
    config = PromptConfig(providers=(CEREBRAS, ProviderConfig(name="groq", model="mine")))
    cerebras, groq = provider_settings(config, {"CEREBRAS_API_KEY": "c", "GROQ_API_KEY": "g"})
    assert (cerebras.base_url, cerebras.model, cerebras.api_key) == (
        "https://api.cerebras.ai/v1",
        "gpt-oss-120b",
        "c",
    )
    assert (groq.base_url, groq.model) == ("https://api.groq.com/openai/v1", "mine")
    assert "api_key" not in repr(groq)


def test_each_gets_its_share_of_the_time() -> None:
    quick = OWN.model_copy(update={"name": "quick", "timeout_ms": 100})
    config = PromptConfig(providers=(OWN, quick), timeout_ms=10_000)
    assert [one.timeout_s for one in provider_settings(config, {})] == [4.75, 0.1]


def test_one_without_a_key_sends_none() -> None:
    (own,) = provider_settings(PromptConfig(providers=(OWN,)), {"OPENAI_API_KEY": "x"})
    assert own.api_key == ""


@pytest.mark.parametrize(
    ("provider", "variable"),
    [
        (CEREBRAS, "CEREBRAS_API_KEY"),
        (OWN.model_copy(update={"api_key_env": "MY_KEY"}), "MY_KEY"),
    ],
)
def test_a_key_that_is_not_there_is_named(provider: ProviderConfig, variable: str) -> None:
    with pytest.raises(ProviderUnusable, match=variable):
        provider_settings(PromptConfig(providers=(provider,)), {variable: ""})
