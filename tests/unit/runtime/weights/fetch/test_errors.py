from __future__ import annotations

import errno
from pathlib import Path

import pytest

from matinee.weights.fetch.errors import FetchFailed, volume_errors, words_of


def test_a_full_device_is_no_space(tmp_path: Path) -> None:
    with pytest.raises(FetchFailed, match="became full") as caught, volume_errors(tmp_path):
        Path("/dev/full").write_text("x")
    assert caught.value.reason == "NoSpace"


def test_a_volume_that_may_not_be_written_is_named(tmp_path: Path) -> None:
    told = pytest.raises(FetchFailed, match="Not a directory; mount")
    with told as caught, volume_errors(tmp_path):
        Path("/dev/null/x").write_text("x")
    assert caught.value.reason == "NoSpace"


def test_the_words_are_those_of_the_operating_system() -> None:
    error = RuntimeError("<object at 0x7f>: it failed")
    error.__cause__ = OSError(errno.ECONNREFUSED, "Connection refused")
    assert words_of(error) == "Connection refused"


def test_without_it_they_are_the_error_s_own() -> None:
    assert words_of(RuntimeError("other")) == "other"
    assert words_of(RuntimeError()) == "RuntimeError"
