from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.places import ROOT
from tests.system.end_to_end.serving import Server, fake_server, matinee_up, running
from tests.system.engine.untrained import save, untrained_pipeline
from tests.unit.runtime.worker.stepping import Gate

StartFake = Callable[..., Server]
QUICKSTART = ROOT / "examples" / "quickstart.yaml"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """On a machine that is busy with something else a server takes a minute to start."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(400))


@pytest.fixture(scope="session")
def resources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The quickstart; over an untrained model where there is no bundled one."""
    if (ROOT / "runtime/matinee/bundled/tiny/model_index.json").exists():
        return QUICKSTART
    folder = tmp_path_factory.mktemp("model")
    save(untrained_pipeline(), folder / "untrained")
    changed = folder / "quickstart.yaml"
    text = QUICKSTART.read_text().replace("builtin:tiny", f"file://{folder}/untrained")
    changed.write_text(text)
    return changed


@pytest.fixture(scope="session")
def server(resources: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """`matinee up` with the quickstart. Tests leave it as they found it."""
    log = tmp_path_factory.mktemp("server") / "log"
    with running(matinee_up(resources), log) as server:
        yield server


@pytest.fixture(scope="session")
def fake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Four slots, six segments a session. Tests leave it as they found it."""
    log = tmp_path_factory.mktemp("fake") / "log"
    command = fake_server(presets=("calm", "wild"), limits={"message_bytes": 100_000})
    with running(command, log) as server:
        yield server


@pytest.fixture(scope="session")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One slot, and room for two to wait. Tests leave it as they found it."""
    log = tmp_path_factory.mktemp("narrow") / "log"
    with running(fake_server(max_sessions=1, max_queue=2), log) as server:
        yield server


@pytest.fixture(scope="session")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Two slots, and little patience. Tests leave it as they found it."""
    log = tmp_path_factory.mktemp("hasty") / "log"
    command = fake_server(max_sessions=2, session_timeout_seconds=1.5)
    with running(command, log) as server:
        yield server


@pytest.fixture
def start_fake(tmp_path: Path) -> Iterator[StartFake]:
    """Servers with configurations of their own; they end with the test."""
    with ExitStack() as stack:

        def start(
            *,
            ready: bool = True,
            host: str = "127.0.0.1",
            under: Sequence[str] = (),
            **streaming: Any,
        ) -> Server:
            command = [*under, *fake_server(host, **streaming)]
            return stack.enter_context(running(command, tmp_path / "log", ready=ready))

        yield start


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    """Stops the fake engine before each step of the prompts that name it."""
    gate = Gate(tmp_path)
    yield gate
    gate.close()
