"""What a session wants done, in order, up to its end. Pure."""

from __future__ import annotations

from matinee.session.effects import Effect, End, Send
from matinee.wire import server_messages as say


class Outbox:
    """`ended`: the end that was asked for; no message follows it. `taken`: effects were taken."""

    def __init__(self) -> None:
        self.ended: End | None = None
        self.taken = False
        self._effects: list[Effect] = []

    def take(self) -> list[Effect]:
        self.taken = True
        effects, self._effects = self._effects, []
        return effects

    def add(self, effect: Effect) -> None:
        self._effects.append(effect)

    def send(self, message: say.ServerMessage) -> None:
        if not self.ended:
            self.add(Send(message))

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
