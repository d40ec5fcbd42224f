from __future__ import annotations

import json

import pytest

from matinee.wire import server_messages as say


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (say.QueueStatus(0, 2), '{"type":"queue_status","position":0,"queue_depth":2}'),
        (
            say.QueueStatus(0, 2, 1.5),
            '{"type":"queue_status","position":0,"queue_depth":2,"eta_seconds":1.5}',
        ),
        (
            say.StreamStart(None, 64, 48, 24, 17, "video/mp4"),
            '{"type":"ltx2_stream_start","width":64,"height":48,"fps":24,"num_frames":17,'
            '"mime":"video/mp4"}',
        ),
        (
            say.Error("invalid_message", "no", param="seed"),
            '{"type":"error","code":"invalid_message","message":"no","retryable":false,'
            '"param":"seed"}',
        ),
        (say.StreamComplete("drained"), '{"type":"ltx2_stream_complete","reason":"drained"}'),
        (
            say.SegmentCancelled(0, 3),
            '{"type":"segment_cancelled","segment_idx":0,"steps_done":3}',
        ),
        (
            say.SessionMigrated("s", 0.0),
            '{"type":"session_migrated","session_id":"s","gap_ms":0.0}',
        ),
    ],
)
def test_a_message_is_one_line_without_what_is_unset(message: say.ServerMessage, text: str) -> None:
    assert message.as_json() == text


def test_prompts_stay_readable() -> None:
    text = say.SegmentStart(0, 'ein "Ball"\n☃', 4, "user", 1).as_json()
    assert "☃" in text
    assert "\n" not in text
    assert json.loads(text)["prompt"] == 'ein "Ball"\n☃'


def test_every_message_has_a_type_of_its_own() -> None:
    messages = [
        value
        for value in vars(say).values()
        if isinstance(value, type) and issubclass(value, say.ServerMessage)
    ]
    messages.remove(say.ServerMessage)
    messages.remove(say.Answer)
    assert len({message.type for message in messages}) == len(messages) == 18
