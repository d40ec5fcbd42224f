from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterator
from datetime import datetime

import pytest

from matinee.serving.logs import QUIET, log_to_stderr
from matinee_api.json_lines import MAX_CHARACTERS


@pytest.fixture(autouse=True)
def restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    quiet = {name: logging.getLogger(name).level for name in QUIET}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in quiet.items():
        logging.getLogger(name).setLevel(before)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def logged(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch, message: str = "hello") -> str:
    monkeypatch.setattr(sys, "stderr", stream)
    log_to_stderr()
    logging.getLogger("matinee.test").warning("%s", message)
    return stream.getvalue()


def test_a_terminal_gets_readable_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    assert logged(Terminal(), monkeypatch).endswith(" WARNING hello\n")


def test_what_strangers_say_begins_no_other_line_and_moves_no_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    evil = "a\n12:00:00 INFO all is well\x1b[2J"
    text = logged(Terminal(), monkeypatch, evil)
    assert text.endswith(" WARNING a\\u000a12:00:00 INFO all is well\\u001b[2J\n")


def test_what_strangers_say_moves_no_terminal_from_a_traceback_either(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = Terminal()
    logged(terminal, monkeypatch)
    logging.getLogger("matinee.test").error("it failed", exc_info=ValueError("b\x1b[2J"))
    assert terminal.getvalue().endswith(" ERROR it failed\nValueError: b\\u001b[2J\n")


def test_a_message_of_megabytes_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    for stream in (Terminal(), io.StringIO()):
        assert len(logged(stream, monkeypatch, "a" * 2**21)) < 2 * MAX_CHARACTERS


def test_elsewhere_a_record_is_a_json_object_on_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    evil = 'a\n{"level": "critical"}\r\x1b[2J\x9b2J\u202e'
    text = logged(io.StringIO(), monkeypatch, evil)
    assert text.removesuffix("\n").isprintable()
    line = json.loads(text)
    assert datetime.fromisoformat(line.pop("ts")).tzinfo is not None
    assert line == {"level": "warning", "logger": "matinee.test", "message": evil}


def test_libraries_that_repeat_us_are_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    logged(io.StringIO(), monkeypatch)
    assert not logging.getLogger("uvicorn.error").isEnabledFor(logging.INFO)
    assert logging.getLogger("matinee").isEnabledFor(logging.INFO)
