"""What a session wants done, in order, up to its end. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager

from matinee.session.effects import Effect, End, Send
from matinee.wire import server_messages as say


class Outbox:
    """`ended`: the end that was asked for; no message follows it. `taken`: effects were taken."""

    def __init__(self) -> None:
        self.ended: End | None = None
        self.taken = False
        self._effects: list[Effect] = []
        self._answers: int | None = None
        self._told = False

    def take(self) -> list[Effect]:
        self.taken = True
        effects, self._effects = self._effects, []
        return effects

    def add(self, *effects: Effect) -> None:
        self._effects.extend(effects)

    def send(self, message: say.ServerMessage) -> None:
        if self.ended or self._told:
            return
        if self._answers is not None and isinstance(message, say.Answer):
            message = dataclasses.replace(message, answers=self._answers)
        self.add(Send(message))

    @contextmanager
    def answering(self, number: int, *, told: bool) -> Iterator[None]:
        """What is sent inside answers the client's message of that number. `told`: the client has
        the answer already."""
        self._answers, self._told = number, told
        try:
            yield
        finally:
            self._answers, self._told = None, False

    def refuse(self, param: str, message: str, request_id: str | None = None) -> None:
        """Answer a mistake that leaves the session open."""
        self.send(
            say.Error(
                "invalid_message",
                message,
                retryable=True,
                request_id=request_id,
                param=param or None,
            )
        )

    def not_available(self, param: str, feature: str) -> None:
        text = f"{feature} is not available on this server"
        self.send(say.Error("invalid_message", text, param=param))

    def end(self, end: End) -> None:
        """The first end counts."""
        if not self.ended:
            self.ended = end
            self.add(end)
