from __future__ import annotations

import json
import logging
import queue
import sys

from matinee_api.json_lines import JsonLines


def formatted(**extra: object) -> dict[str, str]:
    record = logging.LogRecord("a.b", logging.WARNING, __file__, 1, "%s said %d", ("x", 2), None)
    record.created = 0.5
    vars(record).update(extra)
    read: dict[str, str] = json.loads(JsonLines().format(record))
    return read


def test_a_record_is_one_line_of_json() -> None:
    assert formatted() == {
        "ts": "1970-01-01T00:00:00.500+00:00",
        "level": "warning",
        "logger": "a.b",
        "message": "x said 2",
    }


def test_objects_that_libraries_add_to_records_do_no_harm() -> None:
    assert formatted(settings=queue.SimpleQueue()) == formatted()


def test_a_traceback_stays_on_the_line() -> None:
    try:
        int("because")
    except ValueError:
        line = formatted(exc_info=sys.exc_info())
    assert "ValueError: invalid literal" in line["exception"]
