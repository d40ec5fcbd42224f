"""The first message of a session: what is wrong with it, and what it brings along.

Everything here happens before a slot is taken. A mistake is a `Rejection`: the `error` frame and
the close code that the contract wants for it.
"""

from __future__ import annotations

from dataclasses import dataclass

from matinee.errors import BadInput, InvalidRequest
from matinee.generation import GenerationDefaults, ModelInfo, State
from matinee.media.images import decode_image
from matinee.session.effects import CloseCode
from matinee.state.codec import check_state, state_from_wire, state_of_image
from matinee.wire import base64_text
from matinee.wire import server_messages as say
from matinee.wire.client_messages import (
    InitialImage,
    InvalidMessage,
    SessionInit,
    parse_client_message,
)
from matinee_api.config.runtime_config import LimitsConfig

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


def brings_state(init: SessionInit) -> bool:
    """Whether there is anything for `brought_state` to decode."""
    return init.initial_image is not None or init.continuation_state is not None


def brought_state(
    init: SessionInit, info: ModelInfo, defaults: GenerationDefaults, limits: LimitsConfig
) -> State | None:
    """Decode the initial image or the continuation state. Slow: run it in a thread.

    Raises `Rejection`.
    """
    try:
        if init.initial_image is not None and init.continuation_state is not None:
            raise InvalidRequest(
                "initial_image",
                "send an initial_image or a continuation_state, not both",
                joint=None,
            )
        if init.initial_image is not None:
            return _image_state(init.initial_image, info, defaults, limits)
        if init.continuation_state is not None:
            envelope = init.continuation_state
            state = state_from_wire(envelope.kind, envelope.payload)
            check_state(info, state, defaults)
            return state
    except BadInput as error:
        raise refused(error.param, str(error)) from None
    return None


def _check_features(init: SessionInit) -> None:
    asked = {
        "resume": init.resume is not None,
        "adapters": bool(init.adapters),
        "mode": init.mode == "live",
    }
    for param, wanted in asked.items():
        if wanted:
            feature = "live mode" if param == "mode" else param
            raise refused(param, f"{feature} is not available on this server")


def _image_state(
    image: InitialImage, info: ModelInfo, defaults: GenerationDefaults, limits: LimitsConfig
) -> State:
    limit = limits.initial_image_bytes
    if len(image.data) * 3 // 4 > limit + 2:
        raise _too_large(limit)
    try:
        encoded = base64_text.decoded(image.data)
    except ValueError:
        raise InvalidRequest("initial_image.data", "is not base64") from None
    if len(encoded) > limit:
        raise _too_large(limit)
    pixels = decode_image(
        encoded, image.mime, defaults.width, defaults.height, limits.initial_image_pixels
    )
    return state_of_image(info, pixels)


def _too_large(limit: int) -> InvalidRequest:
    problem = f"the image is larger than {limit} bytes"
    return InvalidRequest("initial_image.data", problem, joint=None)
