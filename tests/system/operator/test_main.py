from __future__ import annotations

import os
import subprocess
import sys

from matinee_operator.settings import VARIABLES


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    return subprocess.run(
        [sys.executable, "-m", "matinee_operator", *arguments],
        env=clean | environment,
        capture_output=True,
        text=True,
        timeout=30,
    )


def test_help_names_every_variable() -> None:
    done = run("--help")
    assert done.returncode == 0
    words = done.stdout.split()
    assert all(variable in words for variable in VARIABLES)


def test_wrong_settings_are_told_before_anything_starts() -> None:
    done = run()
    assert done.returncode == 2
    assert done.stderr.startswith("MATINEE_OPERATOR_KEY is missing")


def test_a_cluster_that_cannot_be_found_is_told_in_one_line() -> None:
    done = run(
        MATINEE_OPERATOR_KEY="0123456789abcdef",
        MATINEE_NAMESPACE="x",
        MATINEE_IDENTITY="x",
        KUBECONFIG="/nonexistent",
    )
    assert done.returncode == 1
    assert "no cluster" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
