"""From what a client says to what a model is asked: the session's defaults, limits and checks."""

from __future__ import annotations

import dataclasses

from matinee.errors import InvalidRequest
from matinee.generation import (
    GenerationDefaults,
    ModelInfo,
    SegmentRequest,
    check_prompt,
    check_request,
    with_defaults,
)
from matinee.wire.client_messages import SegmentPrompt, SessionInit
from matinee_api.config.runtime_config import LimitsConfig
from matinee_api.sampling import NegativePrompt, SegmentSampling

_OF_A_PROMPT = (*SegmentSampling.model_fields, *NegativePrompt.model_fields)
"""What a prompt may say besides its seed."""


class RequestRules:
    """Turns the prompts of one session into checked requests.

    `seed` is used for prompts that name none. Raises `InvalidRequest` for values in `init` that
    the model cannot take, or that go past `limits`.
    """

    def __init__(
        self,
        info: ModelInfo,
        limits: LimitsConfig,
        defaults: GenerationDefaults,
        init: SessionInit,
        seed: int,
    ) -> None:
        self.defaults = _with_session_values(defaults, init)
        self.seed = seed
        self.audio = info.audio
        self._info = info
        self._limits = limits
        _check_length("negative_prompt", self.defaults.negative_prompt, limits)
        check_request(info, with_defaults(self.defaults, "", seed))

    def request_for(self, message: SegmentPrompt) -> SegmentRequest:
        """Raises `InvalidRequest`, naming the field."""
        _check_length("prompt", message.prompt, self._limits)
        _check_length("negative_prompt", message.negative_prompt or "", self._limits)
        check_prompt(message.prompt)
        request = with_defaults(
            self.defaults,
            message.prompt,
            self.seed if message.seed is None else message.seed,
            **{name: getattr(message, name) for name in _OF_A_PROMPT},
        )
        check_request(self._info, request)
        return request

    def check_seed_prompt(self, prompt: str) -> None:
        """Raises `InvalidRequest`."""
        _check_length("seed_prompt", prompt, self._limits)
        if not prompt.strip():
            raise InvalidRequest("seed_prompt", "is empty; say what to write in other words")

    def curated(self, param: str, prompts: tuple[str, ...]) -> tuple[str, ...]:
        """The prompts that are not blank; raises `InvalidRequest` when there are too many."""
        limit = self._limits.curated_prompts
        if len(prompts) > limit:
            raise InvalidRequest(
                param, f"{len(prompts)} prompts; at most {limit} are allowed", joint=None
            )
        for prompt in prompts:
            _check_length(param, prompt, self._limits)
        return tuple(prompt for prompt in prompts if prompt.strip())


def _with_session_values(defaults: GenerationDefaults, init: SessionInit) -> GenerationDefaults:
    values = {
        field.name: given
        for field in dataclasses.fields(defaults)
        if (given := getattr(init, field.name)) is not None
    }
    return dataclasses.replace(defaults, **values)


def _check_length(param: str, prompt: str, limits: LimitsConfig) -> None:
    limit = limits.prompt_characters
    if len(prompt) > limit:
        raise InvalidRequest(param, f"has {len(prompt)} characters; at most {limit} are allowed")
