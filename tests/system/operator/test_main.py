from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from matinee_api.signals import ENDING, MEANINGLESS
from matinee_operator.settings import VARIABLES


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    return subprocess.run(
        [sys.executable, "-m", "matinee_operator", *arguments],
        env=clean | environment,
        capture_output=True,
        text=True,
        timeout=60,
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


KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: c
contexts: [{name: c, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: "http://127.0.0.1:%d"}}]
users: [{name: u, user: {}}]
"""


@pytest.mark.parametrize("number", ENDING)
def test_a_signal_ends_it_while_the_api_server_does_not_answer(
    number: signal.Signals, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        (tmp_path / "kubeconfig").write_text(KUBECONFIG % silent.getsockname()[1])
        environment = {
            "MATINEE_OPERATOR_KEY": "0123456789abcdef",
            "MATINEE_NAMESPACE": "x",
            "MATINEE_IDENTITY": "x",
            "KUBECONFIG": str(tmp_path / "kubeconfig"),
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "matinee_operator"],
            env=os.environ | environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        connection, _ = silent.accept()
        with connection:
            for sign in MEANINGLESS:
                process.send_signal(sign)
            process.send_signal(number)
            _, told = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert "Traceback" not in told
