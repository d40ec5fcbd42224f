"""Signals before a program has imported what it is made of, and after its work."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from matinee_api.signals import ENDING

PROGRAM = """
import atexit, signal, sys

def interrupt():
    exec("signal.raise_signal({number})")  # as in a module of dataclasses

class Meanwhile:
    def find_spec(self, name, path=None, target=None):
        if name == {at!r}:
            interrupt()

if {at!r} == "the end":
    atexit.register(interrupt)
sys.meta_path.insert(0, Meanwhile())
sys.argv[1:] = {words!r}
from {program} import main
sys.exit(main())
"""
MOMENTS: tuple[tuple[str, str, list[str]], ...] = (
    ("matinee.__main__", "argparse", ["--version"]),
    ("matinee.__main__", "matinee.cli.mock", ["mock", "--help"]),
    ("matinee.__main__", "the end", ["--version"]),
    ("matinee_operator.__main__", "kopf", []),
)
LARGE = {"argparse", "asyncio", "dataclasses", "inspect", "logging", "pydantic"}


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


@pytest.mark.parametrize("number", ENDING)
@pytest.mark.parametrize(("program", "at", "words"), MOMENTS)
def test_a_signal_at_any_moment_is_an_exit_code_and_no_traceback(
    program: str, at: str, words: list[str], number: signal.Signals
) -> None:
    done = python(PROGRAM.format(program=program, at=at, words=words, number=int(number)))
    assert (done.returncode, done.stderr) == (128 + number, "")


def test_nothing_large_is_imported_before_signals_are_heeded() -> None:
    done = python("import sys, matinee.__main__; print(*sys.modules)")
    assert LARGE & {*done.stdout.split()} == set()
