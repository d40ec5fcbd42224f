from __future__ import annotations

import json
import logging
import os
import stat
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from matinee.session.metrics import Metrics
from matinee.session.session_log import LogBounds, SessionLogs

WEEK_S = 7 * 86400.0
NOW_S = 1_700_000_000.0
ROOMY = LogBounds(WEEK_S, 100, 2**20)
Open = Callable[..., SessionLogs]


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def opened(metrics: Metrics) -> Iterator[Open]:
    every: list[SessionLogs] = []

    def build(directory: Path | None, **bounds: float) -> SessionLogs:
        every.append(SessionLogs(directory, replace(ROOMY, **bounds), metrics, lambda: NOW_S))  # type: ignore[arg-type]
        return every[-1]

    yield build
    for logs in every:
        logs.close()


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_session_has_a_file_with_a_json_object_a_line(opened: Open, tmp_path: Path) -> None:
    logs = opened(tmp_path / "logs")
    logs.begin("s1", preset="fast")
    logs.begin("s2")
    logs.write("s1", "segment", frames=9)
    logs.end("s1", reason="timeout")
    logs.close()

    lines = [
        json.loads(line)
        for line in (tmp_path / "logs" / "session-s1.jsonl").read_text().splitlines()
    ]
    assert [(line["event"], line["payload"]) for line in lines] == [
        ("opened", {"preset": "fast"}),
        ("segment", {"frames": 9}),
        ("ended", {"reason": "timeout"}),
    ]
    assert {line["session_id"] for line in lines} == {"s1"}
    assert datetime.fromisoformat(lines[0]["ts"]).timestamp() == NOW_S
    assert (tmp_path / "logs" / "session-s2.jsonl").exists()


def test_who_gets_no_slot_leaves_no_file(opened: Open, tmp_path: Path) -> None:
    logs = opened(tmp_path)
    for number in range(4000):
        logs.write(f"s{number}", "segment")
        logs.end(f"s{number}", reason="vanished")
    logs.begin("s1")
    logs.end("s1")
    logs.write("s1", "segment", late=True)
    logs.close()
    (line, _) = (tmp_path / "session-s1.jsonl").read_text().splitlines()
    assert json.loads(line)["event"] == "opened"
    assert names_in(tmp_path) == ["session-s1.jsonl"]


def test_nobody_else_may_read_the_prompts(opened: Open, tmp_path: Path) -> None:
    logs = opened(tmp_path / "logs")
    logs.begin("s1")
    logs.close()
    assert stat.S_IMODE((tmp_path / "logs").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "logs" / "session-s1.jsonl").stat().st_mode) == 0o600


def test_a_flood_of_lines_is_dropped_and_counted(
    opened: Open, tmp_path: Path, metrics: Metrics
) -> None:
    logs = opened(tmp_path, waiting_lines=10)
    disk_is_back = threading.Event()
    logs._writer.submit(disk_is_back.wait, 20)
    logs.begin("s1")
    for number in range(50_000):
        logs.write("s1", "segment", number=number)
    assert logs._writer._work_queue.qsize() <= 10
    disk_is_back.set()
    logs.close()
    lines = (tmp_path / "session-s1.jsonl").read_text().splitlines()
    dropped = metrics.registry.get_sample_value("matinee_session_log_lines_dropped_total")
    assert len(lines) <= 10
    # Looks for old logs wait among the lines, and are dropped with them.
    assert dropped is not None
    assert 50_001 <= dropped + len(lines) <= 50_001 + 50_001 // ROOMY.sweep_every + 1


def test_there_is_room_again_once_lines_are_written(
    opened: Open, tmp_path: Path, metrics: Metrics
) -> None:
    logs = opened(tmp_path, waiting_lines=2)
    logs.begin("s1")
    for number in range(20):
        logs._writer.submit(lambda: None).result()
        logs.write("s1", "segment", number=number)
    logs.close()
    assert len((tmp_path / "session-s1.jsonl").read_text().splitlines()) == 21
    assert metrics.registry.get_sample_value("matinee_session_log_lines_dropped_total") == 0


@pytest.mark.parametrize(
    "evil", ['x"}\n{"event": "ended"}\r\n\u2028\x00', "half a pair: \ud800", "\x9b2J \u202e"]
)
def test_what_a_client_says_stays_within_its_line(opened: Open, tmp_path: Path, evil: str) -> None:
    logs = opened(tmp_path)
    logs.begin("s1", client_id=evil)
    logs.close()
    (line,) = (tmp_path / "session-s1.jsonl").read_text().splitlines()
    assert line.isprintable()
    assert json.loads(line)["payload"]["client_id"] == evil


def test_without_a_folder_nothing_is_written(opened: Open, tmp_path: Path) -> None:
    logs = opened(None)
    logs.begin("s1")
    logs.close()
    assert names_in(tmp_path) == []


def test_a_folder_that_cannot_be_written_is_told_once(
    opened: Open, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "logs").write_text("a file where the folder should be")
    logs = opened(tmp_path / "logs")
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            logs.begin("s1")
        logs.close()
    assert len(caplog.records) == 1
    assert "session logs cannot be written" in caplog.text


def test_a_line_after_the_close_is_lost_and_no_error(opened: Open, tmp_path: Path) -> None:
    logs = opened(tmp_path)
    logs.begin("s1")
    logs.close()
    logs.end("s1")
    assert len((tmp_path / "session-s1.jsonl").read_text().splitlines()) == 1


@pytest.mark.parametrize(
    ("bounds", "left"),
    [
        ({}, ["other.txt", "session-a.jsonl", "session-b.jsonl", "session-new.jsonl"]),
        ({"max_files": 2}, ["other.txt", "session-a.jsonl", "session-new.jsonl"]),
        ({"max_bytes": 1000}, ["other.txt", "session-a.jsonl", "session-new.jsonl"]),
        ({"max_bytes": 1}, ["other.txt", "session-new.jsonl"]),
        ({"ttl_s": 90.0}, ["other.txt", "session-a.jsonl", "session-new.jsonl"]),
    ],
)
def test_old_logs_and_too_many_of_them_are_removed(
    opened: Open, tmp_path: Path, bounds: dict[str, float], left: list[str]
) -> None:
    ages_s = {"session-a": 60, "session-b": 120, "session-old": WEEK_S + 60, "other": 2 * WEEK_S}
    for name, age_s in ages_s.items():
        path = tmp_path / f"{name}.{'txt' if name == 'other' else 'jsonl'}"
        path.write_bytes(bytes(500))
        os.utime(path, (NOW_S - age_s,) * 2)
    logs = opened(tmp_path, **bounds)
    logs.begin("new")
    logs.close()
    assert names_in(tmp_path) == left
