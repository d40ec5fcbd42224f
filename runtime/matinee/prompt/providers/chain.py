"""Several providers as one: asked in order until one answers, within limits."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from matinee.prompt.providers.breaker import Breaker
from matinee.prompt.writing import WriterUnavailable

logger = logging.getLogger(__name__)

Outcome = Literal["ok", "retryable", "final", "open"]


@dataclass(frozen=True, slots=True)
class Question:
    """`system`: what to do; `user`: what to do it with, which a stranger wrote."""

    system: str
    user: str


@dataclass(frozen=True, slots=True)
class Reply:
    """`tokens`: that the provider counted, of the question and of the answer."""

    text: str
    tokens: tuple[int, int] = (0, 0)


class ProviderFailed(Exception):
    """No answer came. `retryable`: the next provider may have one. The message holds no prompt."""

    def __init__(self, message: str, *, retryable: bool) -> None:
        super().__init__(message)
        self.retryable = retryable


class Provider(Protocol):
    @property
    def name(self) -> str: ...

    async def ask(self, question: Question) -> Reply:
        """Raises `ProviderFailed`, after some time at most."""
        ...

    async def close(self) -> None: ...


class Meter(Protocol):
    """Counts what providers are asked, by their names."""

    def asked(self, provider: str, outcome: Outcome, seconds: float) -> None: ...
    def used(self, provider: str, tokens: tuple[int, int]) -> None: ...
    def breaker(self, provider: str, *, is_open: bool) -> None: ...


@dataclass
class Chain:
    """`at_once`: questions at the same time; the others wait."""

    providers: Sequence[Provider]
    meter: Meter
    at_once: int
    now: Callable[[], float] = time.monotonic
    _breakers: dict[str, Breaker] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._room = asyncio.Semaphore(self.at_once)
        self._breakers = {provider.name: Breaker() for provider in self.providers}

    async def ask(self, question: Question) -> str:
        """Raises `WriterUnavailable`."""
        async with self._room:
            for provider in self.providers:
                reply = await self._ask(provider, question)
                if reply is not None:
                    return reply.text
        raise WriterUnavailable("no provider answers")

    async def close(self) -> None:
        for provider in self.providers:
            await provider.close()

    async def _ask(self, provider: Provider, question: Question) -> Reply | None:
        """None: the next one may answer. Raises `WriterUnavailable` where it would not either."""
        name, breaker = provider.name, self._breakers[provider.name]
        began = self.now()
        if not breaker.allows(began):
            self.meter.asked(name, "open", 0.0)
            return None
        try:
            reply = await provider.ask(question)
        except ProviderFailed as failure:
            self._failed(name, breaker, failure, self.now() - began)
            if failure.retryable:
                return None
            raise WriterUnavailable("the provider refuses the question") from failure
        breaker.succeeded()
        self.meter.breaker(name, is_open=False)
        self.meter.asked(name, "ok", self.now() - began)
        self.meter.used(name, reply.tokens)
        return reply

    def _failed(self, name: str, breaker: Breaker, failure: ProviderFailed, seconds: float) -> None:
        logger.warning("the prompt provider %s does not answer: %s", name, failure)
        if failure.retryable:
            breaker.failed(self.now())
        self.meter.asked(name, "retryable" if failure.retryable else "final", seconds)
        self.meter.breaker(name, is_open=breaker.is_open)
