"""The built wheel with each of its extras, in an environment of its own: the commands that the
extra is for run there, and the others say in a sentence what is missing.

pip installs in earnest, from wheels that stand for the packages of this environment: see
`stub_wheels`. A real download of torch would take minutes. The server's half is run as the mock
server, the model's as `generate`: `up` and `serve` are both of them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import av
import pytest

from tests.places import EXAMPLES
from tests.system.end_to_end.serving import PATIENCE_S, running
from tests.system.stub_wheels import write_stubs
from tools.on_wheel import WHEEL

COMMANDS = {
    "up": ("-f", str(EXAMPLES / "quickstart.yaml"), "--port", "0"),
    "serve": ("--config", str(EXAMPLES / "serve.yaml"), "--server.port=0"),
    "generate": ("a red ball", "-o", "a.mp4", "--steps", "1", "--frames", "9"),
    "fetch": ("--config", "fetch.json"),
    "stream": ("http://127.0.0.1:9", "-p", "a", "-o", "b.mp4"),
    "mock": ("--port", "0"),
    "router-serve": ("--config", str(EXAMPLES / "router-serve.yaml")),
}
FETCH = {
    "trees": [{"name": "model", "kind": "model", "uri": "hf:o/n", "folder": "/nowhere"}],
    "family": "ltx",
    "port": 0,
}
EVERY_MODULE = """
import importlib, pkgutil, matinee
for module in pkgutil.walk_packages(matinee.__path__, "matinee."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
import sys
from matinee.cli import main
sys.exit(main(sys.argv[1:]))
"""


def without_the_wheel() -> dict[str, str]:
    """`tools.on_wheel` puts one on the path of all that is started."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


@dataclass(frozen=True)
class Environment:
    folder: Path

    @property
    def python(self) -> str:
        return str(self.folder / "bin" / "python")

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Python, in an empty folder, without this environment's path."""
        work = self.folder / "work"
        work.mkdir(exist_ok=True)
        (work / "fetch.json").write_text(json.dumps(FETCH))
        return subprocess.run(
            [self.python, *words],
            cwd=work,
            env=without_the_wheel(),
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
        )

    def matinee(self, command: str) -> subprocess.CompletedProcess[str]:
        return self.run("-m", "matinee", command, *COMMANDS[command])


Installed = Callable[[str], Environment]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """`pip install WHEEL` with an extra, or with none when it is empty."""
    if WHEEL not in os.environ:
        pytest.skip("`make test-system` tests the wheel")
    (wheel,) = Path(os.environ[WHEEL]).parent.glob("*.whl")
    stubs = tmp_path_factory.mktemp("stubs")
    write_stubs(stubs)

    @cache
    def install(extra: str) -> Environment:
        environment = Environment(tmp_path_factory.mktemp("environment"))
        venv.create(environment.folder, symlinks=True)
        pip = [sys.executable, "-m", "pip", "--isolated", "--python", environment.python, "install"]
        source = ["--no-index", "--find-links", str(stubs), "--no-compile", "--quiet"]
        wanted = f"{wheel}[{extra}]" if extra else str(wheel)
        subprocess.run([*pip, *source, wanted], env=without_the_wheel(), check=True)
        return environment

    return install


def check_refused(environment: Environment, command: str, extra: str) -> None:
    done = environment.matinee(command)
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"matinee: matinee {command} needs ")
    assert line.endswith(f", which is not installed; pip install 'matinee[{extra}]'")
    assert (done.returncode, done.stdout) == (2, "")


def test_the_plain_wheel_explains_itself_and_names_the_extra_of_each_command(
    installed: Installed,
) -> None:
    environment = installed("")
    for words in (["--help"], ["--version"], ["completion", "bash"], ["rollout", "--help"]):
        assert environment.run("-m", "matinee", *words).returncode == 0
    for command in COMMANDS:
        check_refused(
            environment,
            command,
            "router" if command in ("stream", "mock", "router-serve") else "runtime",
        )
    done = environment.run("-m", "matinee_operator")
    assert done.stderr.endswith("is not installed; pip install 'matinee[operator]'\n")
    assert done.returncode == 2
    done = environment.run("-c", "from matinee import VideoGenerator")
    assert done.stderr.endswith("is not installed; pip install 'matinee[runtime]'\n")


def test_router_is_enough_for_the_mock_server_and_its_client(
    installed: Installed, tmp_path: Path
) -> None:
    environment = installed("router")
    assert environment.run("-c", "import torch").returncode == 1
    for command in ("up", "serve", "generate", "fetch"):
        check_refused(environment, command, "runtime")
    film = tmp_path / "film.mp4"
    server_words = [
        environment.python,
        "-P",
        "-m",
        "matinee",
        "mock",
        *COMMANDS["mock"],
        "--step-ms=1",
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PYTHONPATH", raising=False)
        with running(server_words, tmp_path / "log") as server:
            words = ["stream", server.url, "-p", "a ball", "--frames", "17", "-o", str(film)]
            done = environment.run("-m", "matinee", *words)
    assert done.returncode == 0, done.stderr
    assert frames_of(film) == 17


def test_runtime_brings_torch_and_all_that_any_module_imports(installed: Installed) -> None:
    environment = installed("runtime")
    done = environment.run("-c", EVERY_MODULE, "generate", *COMMANDS["generate"])
    assert done.returncode == 0, done.stderr
    assert frames_of(environment.folder / "work" / "a.mp4") == 9


def test_operator_is_enough_for_the_operator(installed: Installed) -> None:
    environment = installed("operator")
    done = environment.run("-c", "import matinee_operator.program, sys; print(*sys.modules)")
    assert done.returncode == 0, done.stderr
    assert "torch" not in done.stdout.split()


def frames_of(film: Path) -> int:
    with av.open(film) as container:
        return sum(1 for _ in container.decode(video=0))
