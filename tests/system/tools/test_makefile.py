from __future__ import annotations

import os
import subprocess
from collections import Counter
from pathlib import Path

from tests.places import ROOT

TARGETS = ("test-unit", "test-system", "test-apiserver", "cluster-test", "e2e")


def words_of(target: str) -> list[str]:
    """What the target gives to pytest."""
    environment = {name: os.environ[name] for name in os.environ if not name.startswith("MAKE")}
    printed = subprocess.run(
        ["make", "--dry-run", "--always-make", target],
        cwd=ROOT,
        env=environment | {"ARGS": ""},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    (line,) = (line for line in printed.splitlines() if "-m pytest" in line)
    return line.partition("-m pytest")[2].partition("|")[0].split()


def collected_by(target: str) -> set[Path]:
    """The files of tests that the target runs."""
    words = words_of(target)
    ignored = [ROOT / word.removeprefix("--ignore=") for word in words if "--ignore=" in word]
    wanted = [ROOT / word for word in words if not word.startswith("-")]
    return {
        path
        for path in files_of_tests()
        if any(path.is_relative_to(one) for one in wanted)
        and not any(path.is_relative_to(one) for one in ignored)
    }


def files_of_tests() -> list[Path]:
    tracked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*test_*.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    paths = map(Path, tracked.stdout.splitlines())
    return [ROOT / path for path in paths if path.name.startswith("test_")]


def test_every_file_of_tests_is_run_by_one_target() -> None:
    runs = Counter(path for target in TARGETS for path in collected_by(target))
    odd = {str(path.relative_to(ROOT)): runs[path] for path in files_of_tests() if runs[path] != 1}
    assert odd == {}
