from __future__ import annotations

import json

import pytest

from matinee.session.opening import Rejection, parse_init


@pytest.mark.parametrize(
    ("text", "param"),
    [
        (None, None),
        ("not json", None),
        ("{}", "type"),
        ('{"type":"session_init_v2","seed":-1}', "seed"),
        ('{"type":"session_init_v2","resume":{}}', "resume.session_id"),
        (
            '{"type":"session_init_v2","resume":{"session_id":"../a","token":"t"}}',
            "resume.session_id",
        ),
        ('{"type":"session_init_v2","resume":{"session_id":"a","token":""}}', "resume.token"),
        ('{"type":"session_init_v2","adapters":[{"name":"a"}]}', "adapters"),
        ('{"type":"session_init_v2","mode":"live"}', "mode"),
    ],
)
def test_a_wrong_first_message_is_refused_with_1003(text: str | None, param: str | None) -> None:
    with pytest.raises(Rejection) as caught:
        parse_init(text, ())
    rejection = caught.value
    assert (rejection.code, rejection.text) == (1003, "invalid_init")
    assert (rejection.error.code, rejection.error.retryable) == ("invalid_message", False)
    assert rejection.error.param == param


def test_another_message_first_is_told_what_is_expected() -> None:
    with pytest.raises(Rejection) as caught:
        parse_init('{"type":"snapshot_state"}', ())
    assert caught.value.text == "expected_session_init_v2"
    assert caught.value.code == 1003


def test_a_feature_that_is_missing_is_named() -> None:
    with pytest.raises(Rejection) as caught:
        parse_init('{"type":"session_init_v2","mode":"live"}', ())
    assert caught.value.error.message == "live mode is not available on this server"


@pytest.mark.parametrize(
    ("presets", "preset", "accepted"),
    [
        ((), "their own", True),
        ((), None, True),
        (("fast", "fine"), "fine", True),
        (("fast", "fine"), None, True),
        (("fast", "fine"), "finest", False),
        (("fast", "fine"), "", False),
    ],
)
def test_presets_bind_where_there_are_some(
    presets: tuple[str, ...], preset: str | None, accepted: bool
) -> None:
    text = json.dumps({"type": "session_init_v2", "preset": preset})
    if accepted:
        assert parse_init(text, presets).preset == preset
        return
    with pytest.raises(Rejection) as caught:
        parse_init(text, presets)
    assert (caught.value.error.code, caught.value.code) == ("preset_mismatch", 1003)
    assert "fast, fine" in caught.value.error.message
