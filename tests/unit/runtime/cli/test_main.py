from __future__ import annotations

import argparse
import errno
import importlib
import io
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest

from matinee.cli import COMMANDS, main, split_overrides, up
from matinee.errors import InvalidRequest, ModelUnavailable, WorkerFailed
from matinee_api.config.errors import config_error
from matinee_api.signals import ENDING, MEANINGLESS


def exit_code(*words: str) -> int:
    try:
        return main(words)
    except SystemExit as end:  # argparse's own way out
        return int(end.code or 0)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "COMMAND"),
        (("dance",), "invalid choice: 'dance'"),
        (("up",), "-f/--filename"),
        (("up", "-f", "x.yaml", "--colour", "red"), "unrecognized arguments: --colour red"),
        (("up", "-f", "x.yaml", "--streaming.pool.num_workers", "2"), "unrecognized arguments"),
        (("serve",), "--config"),
        (("serve", "--config", "x.yaml", "--plain"), "unrecognized arguments: --plain"),
        (("serve", "--config", "x.yaml", "odd"), "unrecognized arguments: odd"),
    ],
)
def test_a_wrong_command_line_is_told_with_exit_code_2(
    words: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(*words) == 2
    out, err = capsys.readouterr()
    assert says in err
    assert out == ""


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(*filter(None, [command]), "--help") == 0
    assert f"usage: matinee {command}".strip() in capsys.readouterr().out


def test_the_help_tells_the_limits(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("generate", "--help") == 0
    says = " ".join(capsys.readouterr().out.split())
    for limits in ("; 32 to 4096 ", "; 1 to 257 ", "denoising steps; 1 to 200 ", "; 0 to 30 "):
        assert limits in says


@pytest.mark.parametrize(
    ("line", "words", "overrides"),
    [
        ("up -f x.yaml --port 1", "up -f x.yaml --port 1", ""),
        ("generate --a.b 7", "generate", "--a.b 7"),
        ("generate --a.b=7 ball", "generate ball", "--a.b=7"),
        ("generate --a.b 7 ball --seed 3 --c-d.e f", "generate ball --seed 3", "--a.b 7 --c-d.e f"),
        ("generate 2.5 -o x.mp4 --out=y.mp4", "generate 2.5 -o x.mp4 --out=y.mp4", ""),
        ("serve --a.b", "serve", "--a.b"),
    ],
)
def test_overrides_are_told_from_the_commands_own_words(
    line: str, words: str, overrides: str
) -> None:
    assert split_overrides(line.split()) == (words.split(), overrides.split())


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("--version") == 0
    assert capsys.readouterr().out.startswith("matinee 0.")


def raising(error: BaseException) -> Callable[[argparse.Namespace, list[str]], int]:
    def run(_args: argparse.Namespace, _overrides: list[str]) -> int:
        raise error

    return run


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (InvalidRequest("seed", "is odd"), 2, "matinee: seed is odd\n"),
        (config_error("is wrong", file="a.yaml"), 2, "a.yaml"),
        (ModelUnavailable("no weights"), 1, "matinee: no weights\n"),
        (WorkerFailed("it died"), 1, "matinee: it died\n"),
        (KeyboardInterrupt(), 130, ""),
        (
            ModuleNotFoundError("No module named 'torch'", name="torch"),
            2,
            "matinee: matinee up needs torch, which is not installed; "
            "pip install 'matinee[runtime]'\n",
        ),
    ],
)
def test_an_error_is_one_message_and_an_exit_code(
    error: BaseException,
    code: int,
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(up, "run", raising(error))
    assert main(["up", "-f", "x.yaml"]) == code
    out, err = capsys.readouterr()
    assert says in err
    assert "Traceback" not in err
    assert out == ""


def test_ctrl_c_while_a_command_is_imported_is_no_traceback(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupted(_subparsers: object) -> None:
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(up, "add_parser", interrupted)
    assert main(["up", "-f", "x.yaml"]) == 130


def test_the_list_of_commands_imports_none_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has libraries of its own, and not all of them are installed everywhere."""
    monkeypatch.setattr(importlib, "import_module", raising(ModuleNotFoundError()))
    assert exit_code("--help") == 0


def test_a_mistake_of_ours_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(up, "run", raising(ZeroDivisionError()))
    with pytest.raises(ZeroDivisionError):
        main(["up", "-f", "x.yaml"])


class Unwritable(io.StringIO):
    """A pipe that nobody reads, as of `| head`, or a file on a full disk."""

    def __init__(self, file: BinaryIO, error: OSError) -> None:
        super().__init__()
        self._file, self._error = file, error

    def flush(self) -> None:
        raise self._error

    def fileno(self) -> int:
        return self._file.fileno()


FULL = OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("words", [("up", "-f", "x.yaml"), ("--help",), ("up", "--help")])
@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (BrokenPipeError(), 128 + signal.SIGPIPE, ""),
        (FULL, 1, "matinee: the output cannot be written: No space left on device\n"),
    ],
)
def test_an_output_that_takes_no_more_is_no_traceback(
    words: tuple[str, ...],
    error: OSError,
    code: int,
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(up, "run", lambda _args, _overrides: 0)
    with (tmp_path / "stdout").open("wb") as file:
        monkeypatch.setattr(sys, "stdout", Unwritable(file, error))
        assert main(words) == code
        file.write(b"what Python still has at its end")
    assert (tmp_path / "stdout").read_bytes() == b""
    assert capsys.readouterr().err == says


@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_an_output_that_was_closed_at_the_start_is_no_traceback(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, name, None)
    assert (exit_code("--version"), exit_code("dance")) == (0, 2)
    getattr(sys, name).close()


def test_an_error_of_another_file_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(up, "run", raising(OSError(errno.EIO, "Input/output error")))
    with pytest.raises(OSError, match="Input/output"):
        main(["up", "-f", "x.yaml"])


@pytest.mark.parametrize("number", ENDING)
def test_a_signal_is_a_keyboard_interrupt_with_an_exit_code_of_its_own(
    number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(_args: argparse.Namespace, _overrides: list[str]) -> int:
        signal.raise_signal(number)
        return 0

    before = signal.getsignal(number)
    monkeypatch.setattr(up, "run", run)
    assert main(["up", "-f", "x.yaml"]) == 128 + number
    assert signal.getsignal(number) is before


@pytest.mark.parametrize("number", MEANINGLESS)
def test_a_signal_without_a_meaning_is_told_once(
    number: signal.Signals, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def run(_args: argparse.Namespace, _overrides: list[str]) -> int:
        signal.raise_signal(number)
        signal.raise_signal(number)
        return 0

    monkeypatch.setattr(up, "run", run)
    assert main(["up", "-f", "x.yaml"]) == 0
    assert signal.signal(number, signal.SIG_DFL) is signal.SIG_IGN
    assert caplog.messages == [f"{number.name} means nothing here and is ignored"]
