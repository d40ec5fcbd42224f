from __future__ import annotations

import json
import logging
import os
import time
from datetime import datetime
from pathlib import Path

import pytest

from matinee.session.session_log import SessionLogs

WEEK_S = 7 * 86400.0


def test_a_session_has_a_file_with_a_json_object_a_line(tmp_path: Path) -> None:
    logs = SessionLogs(tmp_path / "logs", WEEK_S)
    logs.write("s1", "opened", preset="fast")
    logs.write("s2", "opened")
    logs.write("s1", "ended", reason="timeout")
    logs.close()

    lines = (tmp_path / "logs" / "session-s1.jsonl").read_text().splitlines()
    first, second = map(json.loads, lines)
    assert first["payload"] == {"preset": "fast"}
    assert (first["session_id"], first["event"]) == ("s1", "opened")
    assert datetime.fromisoformat(first["ts"]).tzinfo is not None
    assert second["event"] == "ended"
    assert (tmp_path / "logs" / "session-s2.jsonl").exists()


def test_what_a_client_says_stays_within_its_line(tmp_path: Path) -> None:
    logs = SessionLogs(tmp_path, WEEK_S)
    evil = 'x"}\n{"event": "ended"}\r\n\u2028\x00'
    logs.write("s1", "opened", client_id=evil)
    logs.close()
    (line,) = (tmp_path / "session-s1.jsonl").read_bytes().splitlines()
    assert json.loads(line)["payload"]["client_id"] == evil


def test_without_a_folder_nothing_is_written(tmp_path: Path) -> None:
    logs = SessionLogs(None, WEEK_S)
    logs.write("s1", "opened")
    logs.close()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "logs").write_text("a file where the folder should be")
    logs = SessionLogs(tmp_path / "logs", WEEK_S)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            logs.write("s1", "opened")
        logs.close()
    assert len(caplog.records) == 1
    assert "session logs cannot be written" in caplog.text


def test_a_line_after_the_close_is_lost_and_no_error(tmp_path: Path) -> None:
    logs = SessionLogs(tmp_path, WEEK_S)
    logs.close()
    logs.write("s1", "ended")
    assert list(tmp_path.iterdir()) == []


def test_logs_to_which_nothing_was_written_for_long_are_removed(tmp_path: Path) -> None:
    names = ("session-old.jsonl", "session-young.jsonl", "other.txt")
    for name, age_s in zip(names, (WEEK_S + 60, WEEK_S - 60, 2 * WEEK_S), strict=True):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (time.time() - age_s,) * 2)
    logs = SessionLogs(tmp_path, WEEK_S)
    logs.write("new", "opened")
    logs.close()
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == ["other.txt", "session-new.jsonl", "session-young.jsonl"]
