from __future__ import annotations

from datetime import UTC, datetime

from matinee_operator.status.conditions import MESSAGE_LENGTH, conditions_of, finding


def told(message: str) -> str:
    findings = [finding("Ready", False, "CrashLooping", message)]
    (condition,) = conditions_of(findings, (), 1, datetime(2026, 1, 1, tzinfo=UTC))
    return condition.message


def test_what_a_container_said_is_told_as_plain_text() -> None:
    assert told("exit code 1: \x1b[2J\u202e") == "exit code 1: \\u001b[2J\\u202e"


def test_a_message_is_as_long_as_it_may_be_however_it_is_written() -> None:
    assert len(told("a" * 5000)) == len(told("\x1b" * 5000)) == MESSAGE_LENGTH
