"""The first message of a session, and what is wrong with it.

A mistake is a `Rejection`: the `error` frame and the close code that the contract wants for it.
"""

from __future__ import annotations

from dataclasses import dataclass

from matinee.session.effects import CloseCode
from matinee.wire import server_messages as say
from matinee.wire.client_messages import InvalidMessage, SessionInit, parse_client_message

RETRY_AFTER_S = 5.0
"""Told to viewers that were refused for want of room."""


@dataclass(frozen=True, slots=True)
class Rejection(Exception):
    """Send `error`, then close."""

    error: say.Error
    code: CloseCode
    text: str


def parse_init(text: str | None, presets: tuple[str, ...]) -> SessionInit:
    """`text` is None for a binary frame. Raises `Rejection`."""
    if text is None:
        raise refused("", "the first message is a binary frame; send session_init_v2 as JSON text")
    try:
        message = parse_client_message(text)
    except InvalidMessage as error:
        raise refused(error.param, str(error)) from None
    if not isinstance(message, SessionInit):
        raise Rejection(
            say.Error(
                "invalid_message",
                f"the first message must be session_init_v2, not {message.type}",
                param="type",
            ),
            CloseCode.UNSUPPORTED,
            "expected_session_init_v2",
        )
    _check_features(message)
    if presets and message.preset is not None and message.preset not in presets:
        raise Rejection(
            say.Error(
                "preset_mismatch",
                f"there is no preset {message.preset!r}; known: {', '.join(presets)}",
                param="preset",
            ),
            CloseCode.UNSUPPORTED,
            "preset_mismatch",
        )
    return message


def refused(param: str, message: str) -> Rejection:
    """The rejection of a first message that is wrong."""
    error = say.Error("invalid_message", message, param=param or None)
    return Rejection(error, CloseCode.UNSUPPORTED, "invalid_init")


def turned_away(code: say.ErrorCode, message: str) -> Rejection:
    """The rejection of a viewer for whom there is no room now."""
    error = say.Error(code, message, retryable=True, retry_after_seconds=RETRY_AFTER_S)
    return Rejection(error, CloseCode.TRY_LATER, code)


def _check_features(init: SessionInit) -> None:
    asked = {
        "adapters": bool(init.adapters),
        "mode": init.mode == "live",
    }
    for param, wanted in asked.items():
        if wanted:
            feature = "live mode" if param == "mode" else param
            raise refused(param, f"{feature} is not available on this server")
