from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from matinee.prompt.system_prompts import MOST_BYTES, OPERATIONS, OWN, SystemPrompts


def write(file: Path, text: str) -> None:
    """As Kubernetes does it with ConfigMaps: another file takes the place."""
    new = file.with_suffix(".new")
    new.write_text(text)
    new.replace(file)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_there_is_one_for_each_operation(operation: str) -> None:
    text = SystemPrompts().text(operation)  # type: ignore[arg-type]
    assert text == (OWN / f"{operation}.txt").read_text().strip()
    assert ("{count}" in text) is (operation == "rewrite")


def test_a_changed_file_holds_from_the_next_prompt_on(tmp_path: Path) -> None:
    texts = SystemPrompts(tmp_path)
    own = texts.text("enhance")
    write(tmp_path / "enhance.txt", "Be brief.")
    assert texts.text("enhance") == "Be brief."
    write(tmp_path / "enhance.txt", "Be long.")
    assert texts.text("enhance") == "Be long."
    (tmp_path / "enhance.txt").unlink()
    assert texts.text("enhance") == own


def test_what_seems_to_be_the_same_is_read_again_when_that_is_asked_for(tmp_path: Path) -> None:
    file, texts = tmp_path / "enhance.txt", SystemPrompts(tmp_path)
    file.write_text("one")
    before = file.stat()
    assert texts.text("enhance") == "one"
    file.write_text("two")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert texts.text("enhance") == "one"
    texts.reload()
    assert texts.text("enhance") == "two"


@pytest.mark.parametrize("content", [b"\xff\xfe", b"x" * (MOST_BYTES + 1)])
def test_a_file_that_cannot_be_read_leaves_the_last_text(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    file, texts = tmp_path / "enhance.txt", SystemPrompts(tmp_path)
    file.write_text("Be brief.")
    assert texts.text("enhance") == "Be brief."
    file.write_bytes(content)
    with caplog.at_level(logging.WARNING):
        assert texts.text("enhance") == "Be brief."
    assert "enhance.txt" in caplog.text
