from __future__ import annotations

import pytest

from matinee.errors import BadInput
from matinee.prompt import PlainPrompt, TinyWriter, WritingPreparer
from matinee.server.prompts import prompt_parts, with_writer_known
from matinee.session.metrics import Metrics
from matinee_api.config.prompt_config import PromptConfig, ProviderConfig
from matinee_api.config.runtime_config import GeneratorConfig, ServeConfig, StreamingConfig


def config_of(model: str, enabled: bool | None) -> ServeConfig:
    return ServeConfig(
        generator=GeneratorConfig(model_path=model),
        streaming=StreamingConfig(prompt=PromptConfig(enabled=enabled)),
    )


@pytest.mark.parametrize(
    ("model", "enabled", "there"),
    [
        ("builtin:tiny", None, True),
        ("builtin:tiny", True, True),
        ("builtin:tiny", False, False),
        ("/models/other", None, False),
        ("/models/other", False, False),
    ],
)
def test_the_bundled_model_has_a_writer_of_its_own(
    model: str, enabled: bool | None, there: bool
) -> None:
    streaming = with_writer_known(config_of(model, enabled)).streaming
    assert streaming.prompt.enabled is there
    parts = prompt_parts(streaming, {}, Metrics().prompts)
    kinds = (WritingPreparer, TinyWriter) if there else (PlainPrompt, type(None))
    assert (type(parts["preparer"]), type(parts["writer"])) == kinds


def test_a_writer_that_nobody_is_cannot_be_switched_on() -> None:
    with pytest.raises(BadInput, match=r"streaming\.prompt\.enabled"):
        with_writer_known(config_of("/models/other", True))


def test_a_provider_without_its_key_is_named_before_the_server_starts() -> None:
    provider = ProviderConfig(name="groq")
    streaming = StreamingConfig(prompt=PromptConfig(enabled=True, providers=(provider,)))
    with pytest.raises(BadInput, match="GROQ_API_KEY"):
        prompt_parts(streaming, {}, Metrics().prompts)
