from __future__ import annotations

import json

import pytest
from websockets.frames import Frame, Opcode

from matinee.router.first_message import (
    PEEK_BYTES,
    Comeback,
    client_id_of,
    comeback_of,
    queue_token_of,
    wants_heartbeat,
)

TOKEN = "abcdefghijklmnopqrst-_"  # noqa: S105


def said(text: str) -> bytes:
    return Frame(Opcode.TEXT, text.encode()).serialize(mask=True)


@pytest.mark.parametrize(
    ("text", "token"),
    [
        (json.dumps({"type": "session_init_v2", "queue_token": TOKEN}), TOKEN),
        (json.dumps({"queue_token": TOKEN, "data": "x" * 70_000}), TOKEN),
        (f'{{"queue_token" : "{TOKEN}"}}', TOKEN),
        (json.dumps({"prompt": json.dumps({"queue_token": TOKEN})}), None),
        (json.dumps({"queue_token": TOKEN + "x"}), None),
        (json.dumps({"queue_token": 5}), None),
        (json.dumps({"data": "x" * PEEK_BYTES, "queue_token": TOKEN}), None),
        ("", None),
        ("not JSON", None),
    ],
)
def test_a_client_says_early_which_place_it_had(text: str, token: str | None) -> None:
    frame = said(text)
    assert queue_token_of([frame]) == token
    assert queue_token_of([bytes([byte]) for byte in frame[:5000]]) == token


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (json.dumps({"type": "session_init_v2", "heartbeat": True}), True),
        ('{"heartbeat":true}', True),
        (json.dumps({"heartbeat": False}), False),
        (json.dumps({"prompt": json.dumps({"heartbeat": True})}), False),
        (json.dumps({"data": "x" * PEEK_BYTES, "heartbeat": True}), False),
        ("", False),
    ],
)
def test_a_client_says_early_that_it_wants_heartbeats(text: str, wanted: bool) -> None:
    assert wants_heartbeat([said(text)]) is wanted


def test_of_a_frame_that_has_only_begun_nothing_is_known() -> None:
    frame = said(json.dumps({"queue_token": TOKEN}))
    for end in range(20):
        assert queue_token_of([frame[:end]]) is None
    assert queue_token_of([]) is None


@pytest.mark.parametrize(
    ("resume", "comeback"),
    [
        ({"session_id": "s", "token": "t", "frames": 4}, Comeback("s", "t", fork=False)),
        ({"session_id": "s", "token": "t", "fork": True}, Comeback("s", "t", fork=True)),
        ({"session_id": "s"}, None),
        ({"session_id": 5, "token": "t"}, None),
        ({"session_id": "s", "token": "\u00e9"}, None),
        (None, None),
        ([], None),
    ],
)
def test_a_client_says_to_which_session_it_comes_back(
    resume: object, comeback: Comeback | None
) -> None:
    assert comeback_of([said(json.dumps({"type": "x", "resume": resume}))]) == comeback


def test_a_client_is_known_by_what_it_calls_itself() -> None:
    assert client_id_of([said(json.dumps({"client_id": "tv"}))]) == "tv"
    deep = "[" * 100_000
    for text in ("", "[]", '{"client_id": 5}', '{"client_id": ""}', "{", deep[:60_000]):
        assert client_id_of([said(text)]) is None
