from __future__ import annotations

import argparse
import io
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest

from matinee.cli import main, split_overrides, up
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


@pytest.mark.parametrize("command", ["", "up", "serve", "generate", "stream", "fetch"])
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(*filter(None, [command]), "--help") == 0
    assert f"usage: matinee {command}".strip() in capsys.readouterr().out


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


def test_a_mistake_of_ours_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(up, "run", raising(ZeroDivisionError()))
    with pytest.raises(ZeroDivisionError):
        main(["up", "-f", "x.yaml"])


class Closed(io.StringIO):
    """A pipe that nobody reads, as of `| head`."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self._file = file

    def flush(self) -> None:
        raise BrokenPipeError

    def fileno(self) -> int:
        return self._file.fileno()


def test_a_closed_pipe_is_no_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(up, "run", lambda _args, _overrides: 0)
    with (tmp_path / "stdout").open("wb") as file:
        monkeypatch.setattr(sys, "stdout", Closed(file))
        assert main(["up", "-f", "x.yaml"]) == 128 + signal.SIGPIPE
        file.write(b"what Python still has at its end")
    assert (tmp_path / "stdout").read_bytes() == b""


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
