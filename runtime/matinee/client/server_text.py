"""A server's text frame -> a message. A server may be anybody's, so nothing of it is believed.

`parsed` says what is a message at all. `checked` says of the messages that a recording uses that
they hold what it computes with and shows; messages and fields that it does not know stay as they
are.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from matinee.errors import MatineeError
from matinee.wire.client_messages import MOST_PARTS

Message = dict[str, Any]

MOST_CHARACTERS = 100_000
"""Of a text that is kept or shown. A prompt has at most 8,192."""
MOST_NOTES = 16
LARGEST_NUMBER = 1e12
"""Of milliseconds, bytes, steps. Thirty years, a terabyte."""


class StreamBroken(MatineeError):
    """The server sent what is no message of a stream."""


def _is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= MOST_CHARACTERS


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and len(value) <= MOST_NOTES and all(map(_is_text, value))


def _is_number(value: object) -> bool:
    is_one = isinstance(value, int | float) and not isinstance(value, bool)
    return is_one and 0 <= value <= LARGEST_NUMBER  # type: ignore[operator]


def _or_none(check: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: value is None or check(value)


_IS_OF_A_KIND: dict[str, dict[str, Callable[[object], bool]]] = {
    "queue_status": {"position": _is_number, "queue_depth": _is_number},
    "gpu_assigned": {"session_id": _or_none(_is_text), "model_id": _or_none(_is_text)},
    "ltx2_stream_start": {name: _or_none(_is_number) for name in ("width", "height", "fps")},
    "ltx2_segment_start": {
        "prompt": _or_none(_is_text),
        "seed": _or_none(_is_number),
        "notes": _or_none(_are_texts),
    },
    "step_complete": {"step": _is_number, "total_steps": _is_number},
    "media_segment_complete": {
        "duration_ms": _is_number,
        "frames": _or_none(_is_number),
        "bytes": _or_none(_is_number),
    },
    "ltx2_segment_complete": {
        "e2e_latency_ms": _is_number,
        "generation_time_ms": _or_none(_is_number),
        "first_fragment_ms": _or_none(_is_number),
    },
    "continuation_state_snapshot": {"state": lambda value: isinstance(value, dict)},
    "viewer_lagging": {"skipped_ms": _is_number},
    "ltx2_stream_complete": {"reason": _is_text},
    "error": {"code": _is_text, "message": _is_text, "param": _or_none(_is_text)},
}


def parsed(text: str) -> Message:
    """Raises `StreamBroken`."""
    if text.count(",") + text.count("[") + text.count("{") > MOST_PARTS:
        raise StreamBroken(f"the server sent a message of more than {MOST_PARTS} values")
    try:
        message = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise StreamBroken("the server sent text that is not JSON; is it a stream?") from error
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise StreamBroken("the server sent a message without a type; is it a stream?")
    return message


def checked(message: Message) -> Message:
    """The same. Raises `StreamBroken`."""
    for name, is_of_a_kind in _IS_OF_A_KIND.get(message["type"], {}).items():
        if not is_of_a_kind(message.get(name)):
            raise StreamBroken(f"the server's {message['type']} has no usable {name}")
    return message


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is no number of JSON")
